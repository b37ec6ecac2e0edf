import { scrypt } from 'node:crypto';
import type { Secret } from '../otp/secret.ts';

/** RFC 7914: `N` and `r` say how much memory it takes (128 · N · r bytes), all three how long. */
export interface ScryptCost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** A key of so many bytes from what a person typed (in NFC, so that the keyboard does not matter). */
export async function deriveKey(password: Secret, salt: Buffer, cost: ScryptCost, bytes: number): Promise<Buffer> {
  const text = password.expose().normalize('NFC');
  return await new Promise((resolve, reject) => {
    scrypt(text, salt, bytes, { ...cost, maxmem: 256 * cost.N * cost.r }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
