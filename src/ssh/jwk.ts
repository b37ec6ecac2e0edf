/** Public keys as JSON Web Keys (RFC 7517, 7518 §6, 8037), which is how node:crypto takes and gives them. */
import { type EcdsaType, isEcdsaType, keyProblem, type PublicKey } from './public-key.ts';
import { withoutZeros } from './wire.ts';

/** What of a JWK makes a public key. Others of its members, the private ones too, are not looked at. */
export interface Jwk {
  readonly kty?: string;
  readonly crv?: string;
  readonly x?: string;
  readonly y?: string;
  readonly n?: string;
  readonly e?: string;
}

const curveNames: Readonly<Record<EcdsaType, string>> = {
  'ecdsa-sha2-nistp256': 'P-256',
  'ecdsa-sha2-nistp384': 'P-384',
  'ecdsa-sha2-nistp521': 'P-521',
};

/** A security key becomes the key that it holds. */
export function toJwk(key: PublicKey): Jwk {
  switch (key.type) {
    case 'ssh-ed25519':
    case 'sk-ssh-ed25519@openssh.com':
      return { kty: 'OKP', crv: 'Ed25519', x: key.point.toString('base64url') };
    case 'ssh-rsa':
      return { kty: 'RSA', n: key.modulus.toString('base64url'), e: key.exponent.toString('base64url') };
    case 'sk-ecdsa-sha2-nistp256@openssh.com':
      return ecJwk('ecdsa-sha2-nistp256', key.point);
    case 'ecdsa-sha2-nistp256':
    case 'ecdsa-sha2-nistp384':
    case 'ecdsa-sha2-nistp521':
      return ecJwk(key.type, key.point);
  }
}

/** Undefined if it is of a kind that SSH has not. */
export function fromJwk(jwk: Jwk): PublicKey | undefined {
  const key = keyOf(jwk);
  return key === undefined || keyProblem(key) !== undefined ? undefined : key;
}

function ecJwk(type: EcdsaType, point: Buffer): Jwk {
  const middle = 1 + (point.length - 1) / 2;
  return {
    kty: 'EC',
    crv: curveNames[type],
    x: point.subarray(1, middle).toString('base64url'),
    y: point.subarray(middle).toString('base64url'),
  };
}

function keyOf({ kty, crv, x = '', y = '', n = '', e = '' }: Jwk): PublicKey | undefined {
  if (kty === 'RSA') return { type: 'ssh-rsa', exponent: number(e), modulus: number(n) };
  if (kty === 'OKP' && crv === 'Ed25519') return { type: 'ssh-ed25519', point: bytes(x) };
  const type = Object.keys(curveNames).find(name => isEcdsaType(name) && curveNames[name] === crv);
  if (kty !== 'EC' || type === undefined || !isEcdsaType(type)) return undefined;
  return { type, point: Buffer.concat([Buffer.of(0x04), bytes(x), bytes(y)]) };
}

function bytes(base64url: string): Buffer {
  return Buffer.from(base64url, 'base64url');
}

function number(base64url: string): Buffer {
  return withoutZeros(bytes(base64url));
}
