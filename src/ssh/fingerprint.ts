import { encodePublicKey, type PublicKey } from './public-key.ts';

/** SHA-256 in base64; handed in, since node:crypto takes 4 ms to load, which most logins can save. */
export type Sha256 = (bytes: Buffer) => string;

/** As `ssh-keygen -l` prints it: `SHA256:` and 43 characters. */
export function fingerprint(key: PublicKey, sha256: Sha256): string {
  return fingerprintOfBlob(encodePublicKey(key), sha256);
}

export function fingerprintOfBlob(blob: Buffer, sha256: Sha256): string {
  return `SHA256:${sha256(blob).replace(/=+$/, '')}`;
}
