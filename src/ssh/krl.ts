/**
 * Key revocation lists of OpenSSH (PROTOCOL.krl): what one holds, and what it says of a key or certificate. krl-read.ts
 * and krl-write.ts know the bytes.
 */
import type { Certificate } from './certificate.ts';
import type { SshCrypto } from './crypto.ts';
import { encodePublicKey, type PublicKey } from './public-key.ts';

export interface Krl {
  /** Grows with each list that a CA publishes. */
  readonly version: bigint;
  /** Seconds since 1970. */
  readonly generatedAt: bigint;
  readonly comment: string;
  readonly certificates: readonly RevokedCertificates[];
  /** Blobs of keys, in base64. A key is out as a plain key, as a CA, and in any certificate. */
  readonly keys: ReadonlySet<string>;
  /** Digests of such blobs, in base64. */
  readonly sha1: ReadonlySet<string>;
  readonly sha256: ReadonlySet<string>;
}

export interface RevokedCertificates {
  /** Blob of the CA's key; undefined: of any CA. */
  readonly ca: Buffer | undefined;
  readonly serials: readonly SerialRange[];
  readonly bitmaps: readonly SerialBitmap[];
  readonly keyIds: ReadonlySet<string>;
}

/** Both ends are in it. */
export interface SerialRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** Bit n, counted from the last byte's lowest, stands for the serial `offset` + n. Kept as it is read: it may be large. */
export interface SerialBitmap {
  readonly offset: bigint;
  readonly bits: Buffer;
}

export const emptyKrl: Krl = {
  version: 0n,
  generatedAt: 0n,
  comment: '',
  certificates: [],
  keys: new Set(),
  sha1: new Set(),
  sha256: new Set(),
};

/** As ssh_krl_check_key (krl.c): the key itself, the certificate, and the CA behind it. */
export function isRevoked(krl: Krl, one: Certificate | PublicKey, crypto: Pick<SshCrypto, 'hash'>): boolean {
  if (!('caKey' in one)) return isKeyRevoked(krl, encodePublicKey(one), crypto);
  const ca = encodePublicKey(one.caKey);
  return (
    isKeyRevoked(krl, encodePublicKey(one.key), crypto) ||
    isKeyRevoked(krl, ca, crypto) ||
    krl.certificates.some(section => (section.ca?.equals(ca) ?? true) && isListed(section, one))
  );
}

function isKeyRevoked({ keys, sha1, sha256 }: Krl, blob: Buffer, crypto: Pick<SshCrypto, 'hash'>): boolean {
  return (
    keys.has(blob.toString('base64')) ||
    (sha256.size > 0 && sha256.has(crypto.hash('sha256', blob).toString('base64'))) ||
    (sha1.size > 0 && sha1.has(crypto.hash('sha1', blob).toString('base64')))
  );
}

/** The serial 0 is that of all certificates without one, so that no list means it. */
function isListed({ serials, bitmaps, keyIds }: RevokedCertificates, { serial, keyId }: Certificate): boolean {
  if (keyIds.has(keyId)) return true;
  if (serial === 0n) return false;
  return (
    serials.some(({ first, last }) => first <= serial && serial <= last) ||
    bitmaps.some(bitmap => isMarked(bitmap, serial))
  );
}

function isMarked({ offset, bits }: SerialBitmap, serial: bigint): boolean {
  const index = serial - offset;
  if (index < 0n || index >= BigInt(bits.length) * 8n) return false;
  const octet = bits[bits.length - 1 - Number(index >> 3n)] ?? 0;
  return ((octet >> Number(index & 7n)) & 1) === 1;
}
