/**
 * Signatures as SSH carries them: Ed25519 (RFC 8709 §6), ECDSA (RFC 5656 §3.1.2), RSA with SHA-2 (RFC 8332 §3).
 *
 * Subset: those that a CA makes. `ssh-rsa`, which is SHA-1, is none of them; those of security keys have their own file.
 */
import type { Digest, SshCrypto } from './crypto.ts';
import { curves, ecdsaTypeOf, isEcdsaType, type KeyType, type PublicKey } from './public-key.ts';
import { mpint, string, WireReader } from './wire.ts';

interface Scheme {
  readonly keyType: KeyType;
  readonly digest: Digest | undefined;
}

const schemes = {
  'ssh-ed25519': { keyType: 'ssh-ed25519', digest: undefined },
  'ecdsa-sha2-nistp256': { keyType: 'ecdsa-sha2-nistp256', digest: 'sha256' },
  'ecdsa-sha2-nistp384': { keyType: 'ecdsa-sha2-nistp384', digest: 'sha384' },
  'ecdsa-sha2-nistp521': { keyType: 'ecdsa-sha2-nistp521', digest: 'sha512' },
  'rsa-sha2-256': { keyType: 'ssh-rsa', digest: 'sha256' },
  'rsa-sha2-512': { keyType: 'ssh-rsa', digest: 'sha512' },
} as const satisfies Readonly<Record<string, Scheme>>;

export type SignatureAlgorithm = keyof typeof schemes;

/** The one that a key signs with; of RSA's two the stronger. Undefined: a security key, which signs no certificates here. */
export function algorithmOf(type: KeyType): SignatureAlgorithm | undefined {
  if (type === 'ssh-rsa') return 'rsa-sha2-512';
  return isAlgorithm(type) ? type : undefined;
}

export function digestOf(algorithm: SignatureAlgorithm): Digest | undefined {
  return schemes[algorithm].digest;
}

/** @param plain the signature in the form that {@link SshCrypto.verify} knows. */
export function encodeSignature(algorithm: SignatureAlgorithm, plain: Buffer): Buffer {
  const { keyType } = schemes[algorithm];
  const half = plain.length / 2;
  const bytes = isEcdsaType(keyType)
    ? Buffer.concat([mpint(plain.subarray(0, half)), mpint(plain.subarray(half))])
    : plain;
  return Buffer.concat([string(algorithm), string(bytes)]);
}

/** Is it `key`'s, over `data`, by an algorithm that is still good? */
export function verifySignature(key: PublicKey, data: Buffer, signature: Buffer, crypto: SshCrypto): boolean {
  const reader = new WireReader(signature);
  const algorithm = reader.string().toString('latin1');
  const bytes = reader.string();
  if (!reader.isWhole || !isAlgorithm(algorithm) || schemes[algorithm].keyType !== key.type) return false;
  const plain = plainSignature(key, bytes);
  return plain !== undefined && crypto.verify(key, schemes[algorithm].digest, data, plain);
}

function isAlgorithm(name: string): name is SignatureAlgorithm {
  return Object.hasOwn(schemes, name);
}

/** In the form that {@link SshCrypto.verify} knows; undefined if it has not the form of one of this key. */
export function plainSignature(key: PublicKey, bytes: Buffer): Buffer | undefined {
  if (key.type === 'ssh-rsa') return bytes.length === key.modulus.length ? bytes : undefined;
  const type = ecdsaTypeOf(key.type);
  if (type === undefined) return bytes.length === 64 ? bytes : undefined; // Ed25519
  const reader = new WireReader(bytes);
  const numbers = [reader.mpint(), reader.mpint()];
  const width = curves[type].bytes;
  if (!reader.isWhole || numbers.some(number => number.length > width)) return undefined;
  return Buffer.concat(numbers.map(number => Buffer.concat([Buffer.alloc(width - number.length), number])));
}
