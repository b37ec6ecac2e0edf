import { createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';
import type { SshCrypto } from '../ssh/crypto.ts';
import { fromJwk, toJwk } from '../ssh/jwk.ts';
import type { PublicKey } from '../ssh/public-key.ts';
import type { CaSigner } from '../ssh/sign-certificate.ts';
import { algorithmOf, digestOf, encodeSignature } from '../ssh/signature.ts';

/** What `ssh/` needs of cryptography, by OpenSSL. */
export const nodeCrypto: SshCrypto = {
  hash: (name, bytes) => hash(name, bytes, 'buffer'),
  verify: (key, digest, data, signature) => {
    const object = keyObjectOf(key);
    return object !== undefined && verify(digest, data, { key: object, dsaEncoding }, signature);
  },
};

/** Undefined if the key is none: OpenSSL looks whether a point is on its curve. */
export function keyObjectOf(key: PublicKey): KeyObject | undefined {
  try {
    return createPublicKey({ key: { ...toJwk(key) }, format: 'jwk' });
  } catch {
    return undefined;
  }
}

/** The public half of a key pair; undefined if it is of a kind that SSH has not. */
export function publicKeyOf(key: KeyObject): PublicKey | undefined {
  const isKnown = ['ed25519', 'ec', 'rsa'].includes(key.asymmetricKeyType ?? '');
  return isKnown ? fromJwk(key.export({ format: 'jwk' })) : undefined;
}

export function signerOf(privateKey: KeyObject): CaSigner | undefined {
  const publicKey = publicKeyOf(privateKey);
  if (publicKey === undefined) return undefined;
  const algorithm = algorithmOf(publicKey.type);
  if (algorithm === undefined) return undefined;
  const plain = (data: Buffer): Buffer => sign(digestOf(algorithm), data, { key: privateKey, dsaEncoding });
  return { publicKey, sign: async data => await Promise.resolve(encodeSignature(algorithm, plain(data))) };
}

/** Both numbers at full length, as SSH's form is made from. */
const dsaEncoding = 'ieee-p1363';
