/** Critical options and extensions of a certificate (draft-miller-ssh-cert §2.3, 2.4): names with data, in order. */
import { string, WireReader } from './wire.ts';

/** By name. The data of a flag is empty; that of the options with a value is one string within the string. */
export type CertOptions = ReadonlyMap<string, Buffer>;

export const flag: Buffer = Buffer.alloc(0);

export function optionValue(value: string): Buffer {
  return string(value);
}

/** The value, if the data is that of an option with one. */
export function valueOfOption(data: Buffer): string | undefined {
  const reader = new WireReader(data);
  const value = reader.text();
  return reader.isWhole ? value : undefined;
}

/** Lexically ordered by name, whatever the order of the map. */
export function encodeOptions(options: CertOptions): Buffer {
  const rows = [...options].map(([name, data]) => ({ name: Buffer.from(name), data }));
  rows.sort((a, b) => Buffer.compare(a.name, b.name));
  return Buffer.concat(rows.flatMap(({ name, data }) => [string(name), string(data)]));
}

/** Undefined unless names are plain, in order, and each there once. */
export function parseOptions(bytes: Buffer): CertOptions | undefined {
  const options = new Map<string, Buffer>();
  const reader = new WireReader(bytes);
  let last: Buffer = Buffer.alloc(0);
  while (reader.hasMore) {
    const name = reader.string();
    const data = reader.string();
    if (Buffer.compare(last, name) >= 0 || !isOptionName(name.toString('latin1'))) return undefined;
    options.set(name.toString('latin1'), data);
    last = name;
  }
  return reader.isWhole ? options : undefined;
}

export function isOptionName(name: string): boolean {
  return /^[!-~]{1,128}$/.test(name);
}
