/**
 * One line of the protocol between a door and the daemon: `verb name=value name=value\n` (PROTOCOL.md, part 1).
 *
 * Values are UTF-8, percent-encoded outside of a small safe set, so that a line is printable ASCII without quoting
 * rules, and a C reader needs no more than a loop. Everything is bounded before it is stored.
 */

/** Longest line in bytes, line end included. */
export const maxLineBytes = 8192;
/** Most fields in a line. */
const maxFields = 32;

export interface Line {
  readonly verb: string;
  readonly fields: ReadonlyMap<string, string>;
}

/** NUL has no place in a line (C ends a string there): U+FFFD is sent for it. */
export function encodeLine(verb: string, fields: Readonly<Record<string, string | undefined>> = {}): string {
  const words = [verb];
  for (const [name, value] of Object.entries(fields))
    if (value !== undefined) words.push(`${name}=${percentEncode(value)}`);
  return `${words.join(' ')}\n`;
}

/** Reads one line, without its line end. Undefined if it is not one: the peer speaks something else. */
export function decodeLine(text: string): Line | undefined {
  const [verb, ...words] = text.split(' ');
  if (verb === undefined || !/^[a-z]{1,16}$/.test(verb) || words.length > maxFields) return undefined;
  const fields = new Map<string, string>();
  for (const word of words) {
    const match = /^([a-z]{1,16})=([!-~]*)$/.exec(word);
    const name = match?.[1];
    const value = percentDecode(match?.[2] ?? '');
    if (name === undefined || value === undefined || fields.has(name)) return undefined;
    fields.set(name, value);
  }
  return { verb, fields };
}

/** Splits a byte stream into lines. After `overlong` nothing more may be read from it. */
export class LineSplitter {
  #rest = Buffer.alloc(0);

  /** Has a line begun that never ended? Asked when the stream is over: half a line is not a line. */
  get unfinished(): boolean {
    return this.#rest.length > 0;
  }

  /** @returns the whole lines that `chunk` completes, without their ends; `overlong` ends the conversation. */
  push(chunk: Buffer): { lines: string[]; overlong: boolean } {
    const lines: string[] = [];
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(0x0a, start);
      const piece = chunk.subarray(start, end === -1 ? chunk.length : end);
      if (this.#rest.length + piece.length >= maxLineBytes) return { lines, overlong: true };
      this.#rest = Buffer.concat([this.#rest, piece]);
      if (end === -1) return { lines, overlong: false };
      lines.push(this.#rest.toString('latin1'));
      this.#rest = Buffer.alloc(0);
      start = end + 1;
    }
  }
}

const safe = /^[A-Za-z0-9._~:/@,+-]$/;

function percentEncode(value: string): string {
  let encoded = '';
  for (const byte of Buffer.from(value.replaceAll('\0', '\uFFFD'), 'utf8')) {
    const char = String.fromCharCode(byte);
    encoded += safe.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

/** Undefined for a stray percent sign, bytes that are not UTF-8, and NUL. */
function percentDecode(value: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(value)) return undefined;
  const bytes = Buffer.from(
    value.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}
