/**
 * Public keys: Ed25519 (RFC 8709), ECDSA on the NIST curves (RFC 5656), RSA (RFC 4253 §6.6), and the security keys of
 * OpenSSH's PROTOCOL.u2f. No DSA. Whether a point lies on its curve is for whoever uses the key to find out.
 */
import { malformed, type Parsed, parsed } from './parsed.ts';
import { mpint, string, WireReader } from './wire.ts';

export type EcdsaType = 'ecdsa-sha2-nistp256' | 'ecdsa-sha2-nistp384' | 'ecdsa-sha2-nistp521';

export type PublicKey =
  | { readonly type: 'ssh-ed25519'; readonly point: Buffer }
  | { readonly type: EcdsaType; readonly point: Buffer }
  | { readonly type: 'ssh-rsa'; readonly exponent: Buffer; readonly modulus: Buffer }
  | {
      readonly type: 'sk-ssh-ed25519@openssh.com' | 'sk-ecdsa-sha2-nistp256@openssh.com';
      readonly point: Buffer;
      readonly application: string;
    };

export type KeyType = PublicKey['type'];

/** Of the ECDSA types; a point is 04, then both coordinates (SEC 1 §2.3.3). */
export const curves: Readonly<Record<EcdsaType, { readonly name: string; readonly bytes: number }>> = {
  'ecdsa-sha2-nistp256': { name: 'nistp256', bytes: 32 },
  'ecdsa-sha2-nistp384': { name: 'nistp384', bytes: 48 },
  'ecdsa-sha2-nistp521': { name: 'nistp521', bytes: 66 },
};

const keyTypes: ReadonlySet<string> = new Set<KeyType>([
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'ssh-rsa',
  'sk-ssh-ed25519@openssh.com',
  'sk-ecdsa-sha2-nistp256@openssh.com',
]);

export function isKeyType(name: string): name is KeyType {
  return keyTypes.has(name);
}

export function isEcdsaType(name: string): name is EcdsaType {
  return Object.hasOwn(curves, name);
}

/** On which of the curves the key is, a security key too; undefined: on none of them. */
export function ecdsaTypeOf(type: KeyType): EcdsaType | undefined {
  if (type === 'sk-ecdsa-sha2-nistp256@openssh.com') return 'ecdsa-sha2-nistp256';
  return isEcdsaType(type) ? type : undefined;
}

export function parsePublicKey(blob: Buffer): Parsed<PublicKey> {
  const reader = new WireReader(blob);
  const type = reader.string().toString('latin1');
  if (!isKeyType(type)) return malformed(`is of a type that is not known (${type.slice(0, 64)})`);
  const key = readKeyParts(type, reader);
  if (!reader.isWhole) return malformed(`is not a whole ${type} key`);
  const problem = keyProblem(key);
  return problem === undefined ? parsed(key) : malformed(problem);
}

/** The blob of the public key: what agents, fingerprints and authorized_keys(5) mean by a key. */
export function encodePublicKey(key: PublicKey): Buffer {
  return Buffer.concat([string(key.type), encodeKeyParts(key)]);
}

/** What follows the type's name, in a certificate as in a plain key. Believe it only if the reader ends whole. */
export function readKeyParts(type: KeyType, reader: WireReader): PublicKey {
  switch (type) {
    case 'ssh-ed25519':
      return { type, point: reader.string() };
    case 'ssh-rsa':
      return { type, exponent: reader.mpint(), modulus: reader.mpint() };
    case 'sk-ssh-ed25519@openssh.com':
      return { type, point: reader.string(), application: reader.text() };
    case 'sk-ecdsa-sha2-nistp256@openssh.com':
      return { type, point: readPoint('ecdsa-sha2-nistp256', reader), application: reader.text() };
    case 'ecdsa-sha2-nistp256':
    case 'ecdsa-sha2-nistp384':
    case 'ecdsa-sha2-nistp521':
      return { type, point: readPoint(type, reader) };
  }
}

export function encodeKeyParts(key: PublicKey): Buffer {
  switch (key.type) {
    case 'ssh-ed25519':
      return string(key.point);
    case 'ssh-rsa':
      return Buffer.concat([mpint(key.exponent), mpint(key.modulus)]);
    case 'sk-ssh-ed25519@openssh.com':
      return Buffer.concat([string(key.point), string(key.application)]);
    case 'sk-ecdsa-sha2-nistp256@openssh.com':
      return Buffer.concat([string(curves['ecdsa-sha2-nistp256'].name), string(key.point), string(key.application)]);
    case 'ecdsa-sha2-nistp256':
    case 'ecdsa-sha2-nistp384':
    case 'ecdsa-sha2-nistp521':
      return Buffer.concat([string(curves[key.type].name), string(key.point)]);
  }
}

/** What is wrong with a key that has the right fields. */
export function keyProblem(key: PublicKey): string | undefined {
  switch (key.type) {
    case 'ssh-ed25519':
    case 'sk-ssh-ed25519@openssh.com':
      return key.point.length === 32 ? undefined : 'has a point that is none of Ed25519';
    case 'ssh-rsa':
      return rsaProblem(key.exponent, key.modulus);
    case 'sk-ecdsa-sha2-nistp256@openssh.com':
      return pointProblem('ecdsa-sha2-nistp256', key.point);
    case 'ecdsa-sha2-nistp256':
    case 'ecdsa-sha2-nistp384':
    case 'ecdsa-sha2-nistp521':
      return pointProblem(key.type, key.point);
  }
}

/** The curve is named twice (RFC 5656 §3.1); one that is not the type's gives no point. */
function readPoint(type: EcdsaType, reader: WireReader): Buffer {
  const curve = reader.string().toString('latin1');
  const point = reader.string();
  return curve === curves[type].name ? point : Buffer.alloc(0);
}

function pointProblem(type: EcdsaType, point: Buffer): string | undefined {
  const isUncompressed = point.length === 1 + 2 * curves[type].bytes && point[0] === 0x04;
  return isUncompressed ? undefined : `has a point that is none of ${curves[type].name}`;
}

/** Smaller moduli can be factored; larger ones only cost time (OpenSSH's limit too). */
export const rsaBits = { min: 2048, max: 16_384 } as const;

function rsaProblem(exponent: Buffer, modulus: Buffer): string | undefined {
  const bits = bitLength(modulus);
  if (bits < rsaBits.min || bits > rsaBits.max)
    return `is an RSA key of ${bits} bits; ${rsaBits.min} to ${rsaBits.max} are accepted`;
  const isGood = isOdd(modulus) && isOdd(exponent) && bitLength(exponent) >= 2 && exponent.length <= 8;
  return isGood ? undefined : 'is not an RSA key';
}

function isOdd(magnitude: Buffer): boolean {
  return ((magnitude.at(-1) ?? 0) & 1) === 1;
}

function bitLength(magnitude: Buffer): number {
  const [first = 0] = magnitude;
  return magnitude.length === 0 ? 0 : magnitude.length * 8 - Math.clz32(first) + 24;
}
