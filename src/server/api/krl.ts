import { hash } from 'node:crypto';
import type { ServerCas } from '../server-cas.ts';
import type { Download, Endpoint } from './endpoint.ts';
import { failed, success } from './envelope.ts';

/** Below this age the answer is what it was, however many ask. */
const freshMs = 5_000;

/**
 * GET /ca/krl: the list of what the User CA and the Host CA revoked, for anybody. Whoever has it is answered with 304 as
 * long as nothing else is revoked.
 */
export function krl({ cas, now }: { readonly cas: ServerCas; readonly now: () => number }): Endpoint {
  let last: { readonly file: Download; readonly seenAt: number } | undefined;

  return () => {
    const age = last === undefined ? Number.POSITIVE_INFINITY : now() - last.seenAt;
    if (last !== undefined && age >= 0 && age < freshMs) return { envelope: found, file: last.file, audit: undefined };
    const read = cas.krl('user');
    if (read.kind !== 'done')
      // No list and not an empty one: whoever has a list keeps it.
      return { status: 503, envelope: failed('there is no list to be had', 'krl', null), audit: { detail: read.text } };
    const content = read.value;
    const file = { contentType: 'application/octet-stream', content, tag: hash('sha256', content, 'base64url') };
    last = { file, seenAt: now() };
    return { envelope: found, file, audit: undefined };
  };
}

const found = success('', 'krl');
