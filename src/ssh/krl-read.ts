import type { Krl, RevokedCertificates, SerialBitmap, SerialRange } from './krl.ts';
import { certSection, formatVersion, magic, section } from './krl-format.ts';
import { malformed, type Parsed, parsed } from './parsed.ts';
import { maxUint64, WireReader } from './wire.ts';

/**
 * Reads a KRL. One that cannot be read whole revokes everything, as sshd has it: what it would have said is not known.
 * So are those with a critical extension, and signed ones, which OpenSSH too has given up.
 */
export function parseKrl(bytes: Buffer): Parsed<Krl> {
  const reader = new WireReader(bytes);
  if (reader.uint64() !== magic) return malformed('is not a KRL');
  const format = reader.uint32();
  if (format !== formatVersion) return malformed(`is a KRL of format ${format}; ${formatVersion} is known`);
  const version = reader.uint64();
  const generatedAt = reader.uint64();
  reader.uint64(); // flags: none is defined
  reader.string(); // reserved
  const comment = reader.text();
  const found: Found = { certificates: [], keys: new Set(), sha1: new Set(), sha256: new Set() };
  while (reader.hasMore) {
    const type = reader.byte();
    const problem = readSection(type, new WireReader(reader.string()), found);
    if (problem !== undefined) return malformed(problem);
  }
  return reader.isWhole ? parsed({ version, generatedAt, comment, ...found }) : malformed('is not a whole KRL');
}

interface Found {
  readonly certificates: RevokedCertificates[];
  readonly keys: Set<string>;
  readonly sha1: Set<string>;
  readonly sha256: Set<string>;
}

/** @returns what is wrong with it */
function readSection(type: number, reader: WireReader, found: Found): string | undefined {
  switch (type) {
    case section.certificates:
      return readCertificates(reader, found.certificates);
    case section.keys:
      return readBlobs(reader, found.keys, undefined);
    case section.sha1:
      return readBlobs(reader, found.sha1, 20);
    case section.sha256:
      return readBlobs(reader, found.sha256, 32);
    case section.extension:
      return readExtension(reader);
    default:
      return `has a section of a type that is not known (${type})`;
  }
}

function readBlobs(reader: WireReader, into: Set<string>, length: number | undefined): string | undefined {
  while (reader.hasMore) {
    const blob = reader.string();
    if (blob.length === 0 || (length !== undefined && blob.length !== length)) return damaged;
    into.add(blob.toString('base64'));
  }
  return reader.isWhole ? undefined : damaged;
}

function readExtension(reader: WireReader): string | undefined {
  const name = reader.text();
  const isCritical = reader.boolean();
  reader.string();
  if (!reader.isWhole) return damaged;
  return isCritical ? `has a critical extension that is not known (${name.slice(0, 64)})` : undefined;
}

function readCertificates(reader: WireReader, into: RevokedCertificates[]): string | undefined {
  const ca = reader.string();
  reader.string(); // reserved
  const serials: SerialRange[] = [];
  const bitmaps: SerialBitmap[] = [];
  const keyIds = new Set<string>();
  while (reader.hasMore) {
    const type = reader.byte();
    const body = new WireReader(reader.string());
    const problem = readSubsection(type, body, { serials, bitmaps, keyIds });
    if (problem !== undefined) return problem;
    if (!body.isWhole) return damaged;
  }
  if (!reader.isWhole) return damaged;
  into.push({ ca: ca.length === 0 ? undefined : ca, serials, bitmaps, keyIds });
  return undefined;
}

interface FoundCertificates {
  readonly serials: SerialRange[];
  readonly bitmaps: SerialBitmap[];
  readonly keyIds: Set<string>;
}

function readSubsection(
  type: number,
  body: WireReader,
  { serials, bitmaps, keyIds }: FoundCertificates,
): string | undefined {
  switch (type) {
    case certSection.serials:
      while (body.hasMore) {
        const serial = body.uint64();
        if (serial === 0n) return damaged;
        serials.push({ first: serial, last: serial });
      }
      return undefined;
    case certSection.range: {
      const [first, last] = [body.uint64(), body.uint64()];
      serials.push({ first, last });
      return first === 0n || first > last ? damaged : undefined;
    }
    case certSection.bitmap: {
      const [offset, bits] = [body.uint64(), body.mpint()];
      bitmaps.push({ offset, bits });
      return offset + BigInt(bits.length) * 8n - 1n > maxUint64 ? damaged : undefined;
    }
    case certSection.keyIds:
      while (body.hasMore) keyIds.add(body.text());
      return undefined;
    case certSection.extension:
      return readExtension(body);
    default:
      return `has a certificate section of a type that is not known (${type})`;
  }
}

const damaged = 'is damaged';
