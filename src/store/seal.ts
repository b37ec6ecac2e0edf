import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/**
 * Encryption at rest: AES-256-GCM (NIST SP 800-38D) under the master key.
 *
 * Layout: version 1 (1 byte), nonce (12), tag (16), ciphertext. The place where the bytes are kept is authenticated
 * too, so that whoever can write the database cannot give one person another's secret.
 */
export interface Seal {
  close(plain: Buffer, place: string): Buffer;
  /** Throws if the bytes were not closed under this key for this place. */
  open(sealed: Buffer, place: string): Buffer;
}

export const masterKeyBytes = 32;

export function sealUnder(masterKey: Buffer): Seal {
  if (masterKey.length !== masterKeyBytes) throw new RangeError('a master key has 32 bytes');
  return {
    close(plain, place) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', masterKey, nonce).setAAD(Buffer.from(place));
      const body = Buffer.concat([cipher.update(plain), cipher.final()]);
      return Buffer.concat([Buffer.of(version), nonce, cipher.getAuthTag(), body]);
    },
    open(sealed, place) {
      if (sealed.length < headBytes || sealed[0] !== version) throw new Error('not a sealed value');
      const nonce = sealed.subarray(1, 1 + nonceBytes);
      const decipher = createDecipheriv('aes-256-gcm', masterKey, nonce, { authTagLength: tagBytes });
      decipher.setAAD(Buffer.from(place)).setAuthTag(sealed.subarray(1 + nonceBytes, headBytes));
      return Buffer.concat([decipher.update(sealed.subarray(headBytes)), decipher.final()]);
    },
  };
}

const version = 1;
const nonceBytes = 12;
const tagBytes = 16;
const headBytes = 1 + nonceBytes + tagBytes;
