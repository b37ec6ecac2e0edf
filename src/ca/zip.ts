/** Zip archives (PKWARE APPNOTE 6.3.4) of a few small files, stored as they are. */
import { crc32 } from 'node:zlib';

export interface ZipEntry {
  readonly name: string;
  readonly content: Buffer;
  /** Unix permissions: unzip(1) restores them. */
  readonly mode: number;
}

/** @param at of all entries */
export function zip(entries: readonly ZipEntry[], at: Date): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const name = Buffer.from(entry.name, 'ascii');
    const common = commonFields(entry, name, at);
    const local = Buffer.concat([u32(0x04034b50), common, name, entry.content]);
    directory.push(centralHeader(entry, name, common, offset));
    parts.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const count = u16(entries.length);
  const end = [u32(0x06054b50), u16(0), u16(0), count, count, u32(central.length), u32(offset), u16(0)];
  return Buffer.concat([...parts, central, ...end]);
}

/** §4.3.7: what the local header and the central one have in common. */
function commonFields({ content }: ZipEntry, name: Buffer, at: Date): Buffer {
  const size = u32(content.length);
  const method = u16(0); // stored
  const [version, flags, extra] = [u16(20), u16(0), u16(0)];
  return Buffer.concat([version, flags, method, dosTime(at), u32(crc32(content)), size, size, u16(name.length), extra]);
}

function centralHeader({ mode }: ZipEntry, name: Buffer, common: Buffer, offset: number): Buffer {
  const madeBy = u16((3 << 8) | 20); // Unix: the upper half of the external attributes is st_mode
  const regular = 0o100000;
  const external = u32(((regular | mode) << 16) >>> 0);
  const [comment, disk, internal] = [u16(0), u16(0), u16(0)];
  return Buffer.concat([u32(0x02014b50), madeBy, common, comment, disk, internal, external, u32(offset), name]);
}

/** MS-DOS time and date, two seconds exact, in UTC. */
function dosTime(at: Date): Buffer {
  const time = (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1);
  const date = ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate();
  return Buffer.concat([u16(time), u16(date)]);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
