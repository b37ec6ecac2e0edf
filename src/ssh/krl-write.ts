import type { Krl, RevokedCertificates, SerialRange } from './krl.ts';
import { certSection, formatVersion, magic, section } from './krl-format.ts';
import { byte, mpint, string, uint32, uint64 } from './wire.ts';

/** The bytes of a KRL: the same for what revokes the same. */
export function encodeKrl({ version, generatedAt, comment, certificates, keys, sha1, sha256 }: Krl): Buffer {
  return Buffer.concat([
    uint64(magic),
    uint32(formatVersion),
    uint64(version),
    uint64(generatedAt),
    uint64(0n), // flags
    string(''), // reserved
    string(comment),
    ...certificates.map(one => part(section.certificates, encodeCertificates(one))),
    ...blobs(section.keys, keys),
    ...blobs(section.sha1, sha1),
    ...blobs(section.sha256, sha256),
  ]);
}

function encodeCertificates({ ca, serials, bitmaps, keyIds }: RevokedCertificates): Buffer {
  const ranges = joined(serials);
  const single = ranges.filter(({ first, last }) => first === last).map(({ first }) => uint64(first));
  const wide = ranges.filter(({ first, last }) => first !== last);
  return Buffer.concat([
    string(ca ?? ''),
    string(''), // reserved
    ...(single.length === 0 ? [] : [part(certSection.serials, Buffer.concat(single))]),
    ...wide.map(({ first, last }) => part(certSection.range, Buffer.concat([uint64(first), uint64(last)]))),
    ...bitmaps.map(({ offset, bits }) => part(certSection.bitmap, Buffer.concat([uint64(offset), mpint(bits)]))),
    ...(keyIds.size === 0 ? [] : [part(certSection.keyIds, Buffer.concat([...keyIds].toSorted().map(string)))]),
  ]);
}

/** Sorted; what overlaps or touches becomes one. */
function joined(serials: readonly SerialRange[]): SerialRange[] {
  const ranges: SerialRange[] = [];
  for (const { first, last } of serials.toSorted((a, b) => (a.first < b.first ? -1 : 1))) {
    const before = ranges.at(-1);
    if (before === undefined || first > before.last + 1n) ranges.push({ first, last });
    else if (last > before.last) ranges[ranges.length - 1] = { first: before.first, last };
  }
  return ranges;
}

/** PROTOCOL.krl wants fingerprints sorted; keys may as well be. */
function blobs(type: number, base64: ReadonlySet<string>): Buffer[] {
  if (base64.size === 0) return [];
  const sorted = [...base64].map(one => Buffer.from(one, 'base64')).toSorted((a, b) => Buffer.compare(a, b));
  return [part(type, Buffer.concat(sorted.map(string)))];
}

function part(type: number, bytes: Buffer): Buffer {
  return Buffer.concat([byte(type), string(bytes)]);
}
