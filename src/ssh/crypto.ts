import type { PublicKey } from './public-key.ts';

export type Digest = 'sha256' | 'sha384' | 'sha512';

/** The cryptography that this room needs. It is handed in, for the floor is pure. */
export interface SshCrypto {
  hash(name: 'sha1' | 'sha256' | 'sha512', bytes: Buffer): Buffer;
  /**
   * Is `signature` the key's over `data`? In the plain form: 64 bytes of Ed25519 (`digest` undefined), both numbers of
   * ECDSA at full length, PKCS #1 v1.5 of RSA. False too if the key is none (a point beside its curve).
   */
  verify(key: PublicKey, digest: Digest | undefined, data: Buffer, signature: Buffer): boolean;
}
