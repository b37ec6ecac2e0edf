import { toJwk } from './jwk.ts';
import { malformed, type Parsed, parsed } from './parsed.ts';
import type { PrivateJwk } from './private-key.ts';
import { curves, type PublicKey, parsePublicKey } from './public-key.ts';
import { WireReader } from './wire.ts';

/** A private key of RSA needs these two beside the rest (RFC 7518 §6.3.2); OpenSSH leaves them out. */
export interface WholePrivateJwk extends PrivateJwk {
  readonly dp?: string;
  readonly dq?: string;
}

/** Reads a private key file of OpenSSH's (PROTOCOL.key) without a passphrase, as sshd's host keys are. */
export function parsePrivateKey(text: string): Parsed<WholePrivateJwk> {
  const [, base64] =
    /^-----BEGIN OPENSSH PRIVATE KEY-----\n([A-Za-z0-9+/=\n]+)-----END OPENSSH PRIVATE KEY-----\s*$/.exec(text) ?? [];
  if (base64 === undefined) return malformed("is not a private key in OpenSSH's form");
  const bytes = Buffer.from(base64, 'base64');
  if (!bytes.subarray(0, magic.length).equals(magic)) return malformed("is not a private key in OpenSSH's form");
  const reader = new WireReader(bytes.subarray(magic.length));
  const cipher = reader.string().toString('latin1');
  reader.string(); // kdf
  reader.string(); // kdf options
  const count = reader.uint32();
  const publicKey = parsePublicKey(reader.string());
  const body = new WireReader(reader.string());
  if (cipher !== 'none') return malformed('is kept under a passphrase');
  if (!reader.isWhole || count !== 1 || publicKey.kind === 'malformed') return malformed('is damaged');
  const jwk = readPrivate(publicKey.value, body);
  return jwk === undefined ? malformed('is damaged, or of a kind that no host has') : parsed(jwk);
}

const magic = Buffer.from('openssh-key-v1\0');

function readPrivate(key: PublicKey, reader: WireReader): WholePrivateJwk | undefined {
  const [check, again] = [reader.uint32(), reader.uint32()];
  const type = reader.string().toString('latin1');
  if (check !== again || type !== key.type) return undefined;
  const members = readMembers(key, reader);
  reader.string(); // comment
  for (let pad = 1; reader.hasMore; pad += 1) if (reader.byte() !== pad) return undefined;
  return members === undefined || !reader.isWhole ? undefined : { ...toJwk(key), ...members };
}

/** The public parts come once more; those that stand before are believed, and the caller finds out if they are no pair. */
function readMembers(key: PublicKey, reader: WireReader): WholePrivateJwk | undefined {
  switch (key.type) {
    case 'ssh-ed25519':
      reader.string(); // the point
      return { d: reader.string().subarray(0, 32).toString('base64url') };
    case 'ssh-rsa':
      return readRsa(reader);
    case 'ecdsa-sha2-nistp256':
    case 'ecdsa-sha2-nistp384':
    case 'ecdsa-sha2-nistp521':
      reader.string(); // the curve
      reader.string(); // the point
      return { d: padded(reader.mpint(), curves[key.type].bytes).toString('base64url') };
    case 'sk-ssh-ed25519@openssh.com':
    case 'sk-ecdsa-sha2-nistp256@openssh.com':
      return undefined; // their private half is on the device
  }
}

function readRsa(reader: WireReader): WholePrivateJwk | undefined {
  const [, , d = 0n, qi = 0n, p = 0n, q = 0n] = Array.from({ length: 6 }, () => numberOf(reader.mpint()));
  if (p < 2n || q < 2n) return undefined;
  return {
    d: encoded(d),
    p: encoded(p),
    q: encoded(q),
    dp: encoded(d % (p - 1n)),
    dq: encoded(d % (q - 1n)),
    qi: encoded(qi),
  };
}

function numberOf(bytes: Buffer): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${bytes.toString('hex')}`);
}

function encoded(number: bigint): string {
  const hex = number.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url');
}

function padded(bytes: Buffer, length: number): Buffer {
  return Buffer.concat([Buffer.alloc(Math.max(0, length - bytes.length)), bytes]);
}
