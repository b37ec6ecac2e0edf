import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../otp/secret.ts';
import { deriveKey, type ScryptCost } from '../store/scrypt.ts';

/**
 * Passwords are kept as `scrypt$N$r$p$salt$hash` (RFC 7914; salt and hash in base64), so that the cost can be raised
 * later. Today's cost is one of the equivalents of OWASP's Password Storage Cheat Sheet: 32 MiB, a quarter of a second.
 */
export async function hashPassword(password: Secret, cost: ScryptCost = presentCost): Promise<string> {
  const salt = randomBytes(16);
  const hash = await deriveKey(password, salt, cost, hashBytes);
  return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64'), hash.toString('base64')].join('$');
}

/**
 * Is it the password? With nothing kept (no such person, no password set) the same work is done for the answer no,
 * so that its time tells nothing. Throws if what is kept was not made by {@link hashPassword}.
 */
export async function verifyPassword(password: Secret, kept: string | undefined): Promise<boolean> {
  const [scheme, N, r, p, salt, hash] = (kept ?? decoy).split('$');
  if (scheme !== 'scrypt' || salt === undefined || hash === undefined) throw new Error('not a password hash');
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  const derived = await deriveKey(password, Buffer.from(salt, 'base64'), cost, hashBytes);
  return timingSafeEqual(derived, Buffer.from(hash, 'base64')) && kept !== undefined;
}

const presentCost: ScryptCost = { N: 2 ** 15, r: 8, p: 3 };
const hashBytes = 32;
const nothing = Buffer.alloc(hashBytes).toString('base64');
const decoy = ['scrypt', presentCost.N, presentCost.r, presentCost.p, nothing, nothing].join('$');
