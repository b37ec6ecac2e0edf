/**
 * A new CA in the place of an old one, without a moment in which a good certificate is refused: first both are trusted and
 * the old one signs; when all hosts trust the new one, it signs; the old one stays trusted until its last certificate ends.
 */
import { unlinkSync } from 'node:fs';
import { moveFile } from '../host/private-file.ts';
import type { Secret } from '../otp/secret.ts';
import type { CertType } from '../ssh/certificate.ts';
import { encodePublicKey, type PublicKey } from '../ssh/public-key.ts';
import type { ScryptCost } from '../store/scrypt.ts';
import { type Authority, caKey, makeKey, placeOutsideKey } from './authority.ts';
import { keyFileOf, nextKeyFileOf } from './directory.ts';
import { fingerprintOf } from './issue.ts';
import type { CaKeyType, Outsider } from './key-file.ts';
import { type CaResult, done, refused, trying } from './result.ts';

/** Makes the next CA, to be trusted from now on. */
export async function startRotation(
  authority: Authority,
  type: CertType,
  keyType: CaKeyType,
  passphrase: Secret,
  cost?: ScryptCost,
): Promise<CaResult<PublicKey>> {
  const ready = readyToStart(authority, type);
  if (ready.kind !== 'done') return ready;
  return await makeKey(nextKeyFileOf(authority.directory, type), type, keyType, passphrase, cost);
}

/** The same with a key that somebody else has. */
export function startRotationOutside(
  authority: Authority,
  type: CertType,
  key: PublicKey,
  keeper: Outsider,
): CaResult<PublicKey> {
  const ready = readyToStart(authority, type);
  return ready.kind === 'done' ? placeOutsideKey(nextKeyFileOf(authority.directory, type), type, key, keeper) : ready;
}

/** There is a CA to rotate, and no rotation of it. */
export function readyToStart(authority: Authority, type: CertType): CaResult<void> {
  const key = caKey(authority, type);
  if (key.kind !== 'done') return key;
  return authority.nextKeys[type] === undefined
    ? done(undefined)
    : refused(`a rotation of the ${type} CA has begun; finish or abort it`);
}

export interface Finished {
  readonly signs: PublicKey;
  /** Its private half is gone. */
  readonly retired: PublicKey;
  /** Seconds since 1970: when the last certificate of the retired one ends; undefined if it has none. */
  readonly trustedUntil: bigint | undefined;
}

/** The next CA signs. What is on disk is in order at each moment: the old one is known as retired before it goes. */
export function finishRotation(authority: Authority, type: CertType, now: number): CaResult<Finished> {
  const { directory, issues, nextKeys } = authority;
  const old = caKey(authority, type);
  if (old.kind !== 'done') return old;
  const next = nextKeys[type];
  if (next === undefined) return refused(`no rotation of the ${type} CA has begun`);
  const retired = old.value.publicKey;
  return trying(directory, () => {
    issues.retire(type, retired, now);
    moveFile(nextKeyFileOf(directory, type), keyFileOf(directory, type));
    return done({ signs: next.publicKey, retired, trustedUntil: issues.lastEndOf(fingerprintOf(retired)) });
  });
}

/** The next CA, which has signed nothing, goes. */
export function abortRotation({ directory, nextKeys }: Authority, type: CertType): CaResult<PublicKey> {
  const next = nextKeys[type];
  if (next === undefined) return refused(`no rotation of the ${type} CA has begun`);
  return trying(directory, () => {
    unlinkSync(nextKeyFileOf(directory, type));
    return done(next.publicKey);
  });
}

/** The CAs that hosts or clients are to trust: the one that signs, the next, and those of which certificates are left. */
export function trustedKeys(authority: Authority, type: CertType, now: number): CaResult<readonly PublicKey[]> {
  const key = caKey(authority, type);
  if (key.kind !== 'done') return key;
  const { issues, nextKeys } = authority;
  const seconds = BigInt(Math.floor(now / 1000));
  const left = issues.retired(type).filter(one => (issues.lastEndOf(fingerprintOf(one)) ?? 0n) > seconds);
  const next = nextKeys[type];
  return done(unique([key.value.publicKey, ...(next === undefined ? [] : [next.publicKey]), ...left]));
}

/** All CAs of ours that there are and were: what was revoked of theirs stays so. */
export function allKeys(authority: Authority): readonly PublicKey[] {
  return unique([...allKeysOf(authority, 'user'), ...allKeysOf(authority, 'host')]);
}

export function allKeysOf({ issues, keys, nextKeys }: Authority, type: CertType): readonly PublicKey[] {
  const present = [keys[type], nextKeys[type]].flatMap(key => (key === undefined ? [] : [key.publicKey]));
  return unique([...present, ...issues.retired(type)]);
}

/** If the power fails in the midst of finishing, the CA that signs is listed as retired, too. */
function unique(keys: readonly PublicKey[]): PublicKey[] {
  return [...new Map(keys.map(key => [encodePublicKey(key).toString('base64'), key])).values()];
}
