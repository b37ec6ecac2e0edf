import { isKeyId } from '../ssh/certificate.ts';
import type { Krl, RevokedCertificates } from '../ssh/krl.ts';
import { encodeKrl } from '../ssh/krl-write.ts';
import { encodePublicKey, type PublicKey } from '../ssh/public-key.ts';
import type { Authority } from './authority.ts';
import { publish } from './files.ts';
import { fingerprintOf } from './issue.ts';
import type { Revocation } from './issue-rows.ts';
import { type CaResult, done, refused } from './result.ts';
import { allKeys } from './rotation.ts';

/** By serial: of a certificate on record, for a mistyped one would revoke nothing that anybody has. */
export function revocationOfSerial({ issues }: Authority, text: string): CaResult<Revocation> {
  if (!/^[1-9]\d{0,19}$/.test(text)) return refused(`${text} is not a serial number`);
  const serial = BigInt(text);
  const found = issues.find(serial);
  return found === undefined
    ? refused(`no certificate on record has the serial ${serial}`)
    : done({ kind: 'serial', serial, ca: found.ca });
}

/** All certificates with that key id, on record or not, those that come later too. */
export function revocationOfKeyId(keyId: string): CaResult<Revocation> {
  return keyId !== '' && isKeyId(keyId)
    ? done({ kind: 'key-id', keyId })
    : refused(`${JSON.stringify(keyId)} is not a key id`);
}

/** The key, in whatever certificate. */
export function revocationOfKey(key: PublicKey): CaResult<Revocation> {
  return done({ kind: 'key', key: fingerprintOf(key) });
}

/** All that was ever revoked, for sshd's RevokedKeys and ssh's RevokedHostKeys. */
export function krlOf(authority: Authority, now: number): Krl {
  const revocations = authority.issues.revocations();
  return {
    version: BigInt(revocations.length),
    generatedAt: BigInt(Math.floor(now / 1000)),
    comment: 'trasa-agent',
    certificates: allKeys(authority)
      .map(ca => sectionOf(ca, revocations))
      .filter(hasAny),
    keys: new Set(),
    sha1: new Set(),
    sha256: new Set(revocations.flatMap(one => (one.kind === 'key' ? [digestOf(one.key)] : []))),
  };
}

export function writeKrl(authority: Authority, file: string, now: number): CaResult<void> {
  return publish(file, encodeKrl(krlOf(authority, now)));
}

function sectionOf(ca: PublicKey, revocations: readonly Revocation[]): RevokedCertificates {
  const name = fingerprintOf(ca);
  const serials = revocations.flatMap(one => (one.kind === 'serial' && one.ca === name ? [one.serial] : []));
  return {
    ca: encodePublicKey(ca),
    serials: serials.map(serial => ({ first: serial, last: serial })),
    bitmaps: [],
    keyIds: new Set(revocations.flatMap(one => (one.kind === 'key-id' ? [one.keyId] : []))),
  };
}

function hasAny({ serials, keyIds }: RevokedCertificates): boolean {
  return serials.length > 0 || keyIds.size > 0;
}

/** `SHA256:…` without padding → base64 with it, as a KRL's sets have it. */
function digestOf(fingerprint: string): string {
  return Buffer.from(fingerprint.slice('SHA256:'.length), 'base64').toString('base64');
}
