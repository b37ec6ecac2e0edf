/** Private keys as OpenSSH keeps them (PROTOCOL.key, `openssh-key-v1`), without a passphrase: for sshd's host keys. */
import { fromJwk, type Jwk } from './jwk.ts';
import { curves, encodePublicKey, type PublicKey } from './public-key.ts';
import { mpint, string, uint32 } from './wire.ts';

/** A private key as node:crypto gives it (RFC 7518 §6, 8037 §2). */
export interface PrivateJwk extends Jwk {
  readonly d?: string;
  readonly p?: string;
  readonly q?: string;
  readonly qi?: string;
}

/** @param check any 32 bits, at random. Undefined if the key is of a kind that SSH has not. */
export function privateKeyFile(jwk: PrivateJwk, comment: string, check: number): Buffer | undefined {
  const key = fromJwk(jwk);
  const parts = key === undefined ? undefined : privateParts(key, jwk);
  if (key === undefined || parts === undefined) return undefined;
  const plain = Buffer.concat([uint32(check), uint32(check), string(key.type), ...parts, string(comment)]);
  const padding = Buffer.from(Array.from({ length: (8 - (plain.length % 8)) % 8 }, (_, i) => i + 1));
  const body = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    string('none'), // cipher
    string('none'), // kdf
    string(''), // kdf options
    uint32(1), // number of keys
    string(encodePublicKey(key)),
    string(Buffer.concat([plain, padding])),
  ]);
  const lines = body.toString('base64').replace(/.{70}(?=.)/g, '$&\n');
  return Buffer.from(`-----BEGIN OPENSSH PRIVATE KEY-----\n${lines}\n-----END OPENSSH PRIVATE KEY-----\n`);
}

function privateParts(key: PublicKey, { d, p, q, qi }: PrivateJwk): Buffer[] | undefined {
  const [secret, ...primes] = [d, qi, p, q].map(number => Buffer.from(number ?? '', 'base64url'));
  if (secret === undefined || secret.length === 0) return undefined;
  switch (key.type) {
    case 'ssh-ed25519':
      return [string(key.point), string(Buffer.concat([secret, key.point]))];
    case 'ssh-rsa':
      if (primes.some(prime => prime.length === 0)) return undefined;
      return [key.modulus, key.exponent, secret, ...primes].map(mpint);
    case 'ecdsa-sha2-nistp256':
    case 'ecdsa-sha2-nistp384':
    case 'ecdsa-sha2-nistp521':
      return [string(curves[key.type].name), string(key.point), mpint(secret)];
    case 'sk-ssh-ed25519@openssh.com':
    case 'sk-ecdsa-sha2-nistp256@openssh.com':
      return undefined; // their private half never leaves the device
  }
}
