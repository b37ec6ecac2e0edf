/** What a key did: the text is as before or not, the line is complete, or the person gave up. */
export type Effect = 'unchanged' | 'changed' | 'line' | 'cancel';

type State = 'ground' | 'escape' | 'sequence' | 'shift' | 'string';

const controlC = 0x03;
const controlD = 0x04;
const bell = 0x07;
const backspace = 0x08;
const controlU = 0x15;
const controlW = 0x17;
const escape = 0x1b;
const controlBackslash = 0x1c;
const del = 0x7f;

/**
 * One line as it is typed, byte by byte, in UTF-8. Backspace, Ctrl-U and Ctrl-W edit, Enter ends it, Ctrl-C, Ctrl-\ and
 * Ctrl-D on an empty line give up. Escape sequences (cursor keys, a terminal's reports, marks of a paste: ECMA-48 §5),
 * NUL, other control characters, what is not UTF-8, and what exceeds its bound are swallowed.
 */
export class LineEditor {
  readonly #chars: string[] = [];
  #bytes = 0;
  /** Bytes of a character that is not complete yet. */
  #partial: number[] = [];
  #state: State = 'ground';
  readonly #maxBytes: number;

  /** @param maxBytes bytes of UTF-8; a code has 6 to 8, a mail address up to 254 (RFC 5321 §4.5.3.1.3) */
  constructor(maxBytes = 256) {
    this.#maxBytes = maxBytes;
  }

  get text(): string {
    return this.#chars.join('');
  }

  push(byte: number): Effect {
    if (byte === 0x0a || byte === 0x0d) return 'line';
    if (byte === controlC || byte === controlBackslash) return 'cancel';
    if (byte === escape) this.#state = 'escape';
    else if (this.#state === 'ground') return byte < 0x20 || byte === del ? this.#control(byte) : this.#typed(byte);
    else this.#state = afterEscape(this.#state, byte);
    return 'unchanged';
  }

  #control(byte: number): Effect {
    this.#partial = [];
    if (byte === controlD) return this.#chars.length === 0 ? 'cancel' : 'unchanged';
    if (byte === del || byte === backspace) return this.#eraseTo(this.#chars.length - 1);
    if (byte === controlU) return this.#eraseTo(0);
    if (byte === controlW) return this.#eraseTo(this.text.trimEnd() === '' ? 0 : this.#startOfWord());
    return 'unchanged';
  }

  #startOfWord(): number {
    const word = this.#chars.findLastIndex(char => char !== ' ');
    return this.#chars.lastIndexOf(' ', word) + 1;
  }

  #eraseTo(length: number): Effect {
    const erased = this.#chars.splice(Math.max(0, length));
    this.#bytes -= Buffer.byteLength(erased.join(''));
    return erased.length > 0 ? 'changed' : 'unchanged';
  }

  #typed(byte: number): Effect {
    if (this.#bytes >= this.#maxBytes) return 'unchanged';
    const continues = byte >= 0x80 && byte < 0xc0;
    this.#partial = continues ? [...this.#partial, byte] : [byte];
    const char = decode(this.#partial);
    if (char === undefined) {
      if (this.#partial.length >= 4) this.#partial = [];
      return 'unchanged';
    }
    const size = this.#partial.length;
    this.#partial = [];
    if (this.#bytes + size > this.#maxBytes || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(char)) return 'unchanged';
    this.#chars.push(char);
    this.#bytes += size;
    return 'changed';
  }
}

function afterEscape(state: State, byte: number): State {
  switch (state) {
    case 'escape':
      if (byte === 0x5b) return 'sequence'; // CSI
      if (byte === 0x4f) return 'shift'; // SS3: one more
      return [0x50, 0x58, 0x5d, 0x5e, 0x5f].includes(byte) ? 'string' : 'ground'; // DCS, SOS, OSC, PM, APC; or Alt-key
    case 'sequence':
      return byte >= 0x40 && byte <= 0x7e ? 'ground' : 'sequence';
    case 'string':
      return byte === bell ? 'ground' : 'string'; // or ESC \, by way of `escape`
    case 'shift':
    case 'ground':
      return 'ground';
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(bytes: readonly number[]): string | undefined {
  const [first = 0] = bytes;
  if (first < 0x80) return String.fromCharCode(first);
  try {
    return utf8.decode(Uint8Array.from(bytes));
  } catch {
    return undefined;
  }
}
