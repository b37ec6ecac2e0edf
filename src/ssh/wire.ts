/**
 * SSH's data types (RFC 4251 §5), read and written.
 *
 * A reader never throws and allocates nothing by a length that it read: strings are views on the bytes. The first value
 * that is not there breaks it for good; from then on it is at its end and gives empty values, so that a parser reads
 * all of its fields in a row and asks `isWhole` once, before it believes any of them.
 */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;
  #isBroken = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Everything was there, and nothing is left over. */
  get isWhole(): boolean {
    return !this.#isBroken && this.#at === this.#bytes.length;
  }

  /** Something was not there. For those who do not read to the end. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** For loops over what is repeated until the end. */
  get hasMore(): boolean {
    return this.#at < this.#bytes.length;
  }

  /** All that was read so far: what a signature that comes next is over. */
  get consumed(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  byte(): number {
    const at = this.#skip(1);
    return at === undefined ? 0 : (this.#bytes[at] ?? 0);
  }

  /** RFC 4251: "any non-zero value MUST be interpreted as TRUE". */
  boolean(): boolean {
    return this.byte() !== 0;
  }

  uint32(): number {
    const at = this.#skip(4);
    return at === undefined ? 0 : this.#bytes.readUInt32BE(at);
  }

  uint64(): bigint {
    const at = this.#skip(8);
    return at === undefined ? 0n : this.#bytes.readBigUInt64BE(at);
  }

  string(): Buffer {
    return this.#take(this.uint32()) ?? empty;
  }

  /** A string that has to be UTF-8. */
  text(): string {
    try {
      return utf8.decode(this.string());
    } catch {
      return this.#break() ?? '';
    }
  }

  /** The magnitude of a number that is not negative, without leading zeros. Superfluous zeros break the reader. */
  mpint(): Buffer {
    const bytes = this.string();
    const [first = 0, second = 0] = bytes;
    const isNegative = first >= 0x80;
    const isPadded = bytes.length > 0 && first === 0 && second < 0x80;
    if (isNegative || isPadded) return this.#break() ?? empty;
    return first === 0 ? bytes.subarray(1) : bytes;
  }

  #take(length: number): Buffer | undefined {
    const at = this.#skip(length);
    return at === undefined ? undefined : this.#bytes.subarray(at, at + length);
  }

  /** @returns where so many bytes begin; no view of them, which costs more than to read a number */
  #skip(length: number): number | undefined {
    const at = this.#at;
    if (this.#isBroken || at + length > this.#bytes.length) return this.#break();
    this.#at = at + length;
    return at;
  }

  #break(): undefined {
    this.#isBroken = true;
    this.#at = this.#bytes.length;
  }
}

const empty = Buffer.alloc(0);
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export const maxUint64 = 0xffff_ffff_ffff_ffffn;

export function byte(value: number): Buffer {
  return Buffer.of(value);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

export function string(value: Buffer | string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

/** From a magnitude, which may have leading zeros. */
export function mpint(magnitude: Buffer): Buffer {
  const bytes = withoutZeros(magnitude);
  return string((bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes);
}

export function withoutZeros(magnitude: Buffer): Buffer {
  const start = magnitude.findIndex(one => one !== 0);
  return start === -1 ? empty : magnitude.subarray(start);
}
