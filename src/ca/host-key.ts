import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readSafely } from '../host/safe-open.ts';
import { parsePrivateKey, type WholePrivateJwk } from '../ssh/private-key-read.ts';
import type { CaSigner } from '../ssh/sign-certificate.ts';
import { signerOf } from './node-crypto.ts';
import { type CaResult, done, notInOrder } from './result.ts';

/** What signs with a key that sshd keeps in a file: OpenSSH's form or PEM, without a passphrase. */
export function readHostKey(file: string): CaResult<CaSigner> {
  const read = readSafely(file, { maxBytes: 65_536, secret: true });
  if (read.kind === 'refused') return notInOrder(`${file}: ${read.problem.text}`);
  const parsed = parsePrivateKey(read.text);
  const key = parsed.kind === 'parsed' ? keyObjectOfPrivate(parsed.value) : keyObjectOfPem(read.text);
  const signer = key === undefined ? undefined : signerOf(key);
  if (signer !== undefined) return done(signer);
  return notInOrder(`${file}: ${parsed.kind === 'malformed' ? parsed.text : 'is not a key pair'}`);
}

/** Undefined if its halves are no pair. */
export function keyObjectOfPrivate(jwk: WholePrivateJwk): KeyObject | undefined {
  try {
    return createPrivateKey({ key: { ...jwk }, format: 'jwk' });
  } catch {
    return undefined;
  }
}

function keyObjectOfPem(text: string): KeyObject | undefined {
  try {
    return createPrivateKey(text);
  } catch {
    return undefined;
  }
}
