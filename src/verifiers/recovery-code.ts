/** Recovery codes: hashed when they are made, and looked for when one is typed. */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../otp/secret.ts';
import type { RecoverySet } from '../store/offline-file.ts';

type Hashing = Pick<RecoverySet, 'salt' | 'N' | 'r' | 'p'>;

/** @param codes in their one spelling (otp/recovery-code.ts) */
export async function hashCodes(codes: readonly Secret[]): Promise<Hashing & Pick<RecoverySet, 'hashes'>> {
  const hashing = { salt: randomBytes(16).toString('base64'), ...cost };
  const hashes: string[] = [];
  for (const code of codes) hashes.push((await derive(code, hashing)).toString('base64'));
  return { ...hashing, hashes };
}

/** Which code of the set it is; undefined: none. One derivation, however many there are: they share a salt. */
export async function placeOf(code: Secret, set: RecoverySet): Promise<number | undefined> {
  const derived = await derive(code, set);
  const kept = set.hashes.map(hash => Buffer.from(hash, 'base64'));
  const place = kept.findIndex(hash => hash.length === derived.length && timingSafeEqual(hash, derived));
  return place === -1 ? undefined : place;
}

/** 16 MiB and some 50 ms. A code has 70 bits of chance, and would be safe with less. */
const cost = { N: 2 ** 14, r: 8, p: 1 };
const hashBytes = 32;

async function derive(code: Secret, { salt, N, r, p }: Hashing): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    scrypt(code.expose(), Buffer.from(salt, 'base64'), hashBytes, { N, r, p, maxmem: 256 * N * r }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
