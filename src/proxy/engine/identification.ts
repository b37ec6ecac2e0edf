/**
 * The first line of the other side (RFC 4253 §4.2), gathered until it is whole: ssh2 loses a part of one that comes in
 * three pieces or more, and would wait for its end until 8 KiB.
 */
export class Identification {
  readonly #maxBytes: number;
  readonly #otherLinesFirst: boolean;
  #bytes = Buffer.alloc(0);

  constructor(role: 'server' | 'client') {
    // "MUST be less than 255 characters"; a server may send other lines before it.
    this.#maxBytes = role === 'server' ? 255 : 8192;
    this.#otherLinesFirst = role === 'client';
  }

  /** @returns all that came so far, once the line is whole; undefined while it is not; a string if it never will be */
  receive(chunk: Buffer): Buffer | string | undefined {
    const bytes = Buffer.concat([this.#bytes, chunk]);
    this.#bytes = bytes;
    for (let start = 0; ; ) {
      const end = bytes.indexOf(0x0a, start);
      const line = bytes.subarray(start, Math.min(start + 4, end === -1 ? bytes.length : end)).toString('latin1');
      const isTheLine = 'SSH-'.startsWith(line) || line === 'SSH-';
      if (!isTheLine && !this.#otherLinesFirst) return 'it does not speak SSH';
      if (end === -1 ? bytes.length > this.#maxBytes : end >= this.#maxBytes) return 'its first line is too long';
      if (end === -1) return undefined;
      if (line === 'SSH-') return bytes;
      start = end + 1;
    }
  }
}
