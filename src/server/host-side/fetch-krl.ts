import { hash } from 'node:crypto';
import { publish, readBytes } from '../../ca/files.ts';
import { type CaResult, done, refused, tryingTo } from '../../ca/result.ts';
import { parseKrl } from '../../ssh/krl-read.ts';
import { pinnedRequest } from '../pinned-request.ts';

/** Where a host gets the list from. */
export interface KrlSource {
  readonly url: URL;
  /** `sha256//…` of the server's key; undefined: the system's CAs vouch for it. */
  readonly pin: string | undefined;
}

/**
 * Brings the revocation list that a server hands out to `file`, for sshd. What is there stays unless a whole list came
 * that is not older: sshd lets nobody in by a key while RevokedKeys names what it cannot read.
 */
export async function fetchKrl(source: KrlSource, file: string): Promise<CaResult<'new' | 'unchanged'>> {
  const before = readBytes(file, maxBytes);
  if (before.kind !== 'done') return before;
  return await tryingTo(source.url.href, async () => await replace(source, file, before.value));
}

const timeoutMs = 30_000;
const maxBytes = 16 * 1024 * 1024;

async function replace(
  { url, pin }: KrlSource,
  file: string,
  before: Buffer | undefined,
): Promise<CaResult<'new' | 'unchanged'>> {
  // The server's tag is made of the list alone, so that nothing has to be kept beside it.
  const headers = before === undefined ? {} : { 'if-none-match': `"${hash('sha256', before, 'base64url')}"` };
  const request = { method: 'GET', path: `${url.pathname}${url.search}`, headers, maxBytes } as const;
  const { status, body } = await pinnedRequest(url, pin, request, AbortSignal.timeout(timeoutMs));
  if (status === 304 && before !== undefined) return done('unchanged');
  if (status !== 200) return refused(`${url.href}: answers with HTTP status ${status}; ${file} is as it was`);
  const list = parseKrl(body);
  if (list.kind === 'malformed') return refused(`${url.href}: what came ${list.text}; ${file} is as it was`);
  const old = before === undefined ? undefined : parseKrl(before);
  if (old?.kind === 'parsed' && old.value.version > list.value.version)
    return refused(
      `${url.href}: is older than ${file} (version ${list.value.version}, not ${old.value.version}), which stays; remove it if that is meant`,
    );
  const written = publish(file, body);
  return written.kind === 'done' ? done('new') : written;
}
