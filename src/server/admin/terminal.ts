import type { Readable, Writable } from 'node:stream';
import { Secret } from '../../otp/secret.ts';

/** Asks whoever runs a command, on a terminal or through a pipe, which is not prompted. */
export interface Asker {
  /** A line, without its end. Undefined: there is none, or the person gave up, or `signal` aborted. */
  ask(prompt: string, signal?: AbortSignal): Promise<Secret | undefined>;
  /** The same, not shown while it is typed. */
  askHidden(prompt: string): Promise<Secret | undefined>;
  /** Is a person there, who should type a new password twice? */
  readonly isTerminal: boolean;
  close(): void;
}

export interface Keyboard extends Readable {
  readonly isTTY?: boolean;
  setRawMode?(on: boolean): unknown;
}

const maxLineBytes = 4096;

export function askOn(input: Keyboard, output: Writable): Asker {
  const bytes = new ByteQueue(input);
  return {
    isTerminal: input.isTTY === true,
    ask: async (prompt, signal) => {
      if (input.isTTY === true) output.write(prompt);
      return await readLine(bytes, false, signal);
    },
    askHidden: async prompt => {
      if (input.isTTY !== true) return await readLine(bytes, false);
      output.write(prompt);
      input.setRawMode?.(true); // then the keys for editing are ours to understand
      try {
        return await readLine(bytes, true);
      } finally {
        input.setRawMode?.(false);
        output.write('\n');
      }
    },
    close: () => bytes.close(),
  };
}

/** A stream a byte at a time, paused between questions. */
class ByteQueue {
  readonly #input: Keyboard;
  #bytes: number[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(input: Keyboard) {
    this.#input = input.pause();
    input.on('data', this.#onData).once('end', this.#onEnd).once('close', this.#onEnd);
  }

  /** Undefined: the end, or `signal` aborted. */
  async next(signal?: AbortSignal): Promise<number | undefined> {
    if (isOver(signal)) return undefined;
    if (this.#bytes.length === 0 && !this.#ended) {
      await new Promise<void>(resolve => {
        this.#wake = resolve;
        signal?.addEventListener('abort', () => resolve(), { once: true });
        this.#input.resume();
      });
      this.#input.pause();
    }
    return isOver(signal) ? undefined : this.#bytes.shift();
  }

  close(): void {
    this.#input.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onEnd).pause();
  }

  readonly #onData = (chunk: Buffer | string): void => {
    this.#bytes.push(...Buffer.from(chunk));
    this.#input.pause(); // what the next question does not need stays where it is
    this.#wake?.();
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#wake?.();
  };
}

function isOver(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

async function readLine(bytes: ByteQueue, edit: boolean, signal?: AbortSignal): Promise<Secret | undefined> {
  const line: number[] = [];
  for (;;) {
    const byte = await bytes.next(signal);
    if (byte === undefined) return line.length === 0 ? undefined : secretOf(line);
    if (byte === newline || (edit && byte === carriageReturn)) return secretOf(line);
    if (edit && (byte === controlC || (byte === controlD && line.length === 0))) return undefined;
    if (edit && byte === controlU) line.length = 0;
    else if (edit && (byte === backspace || byte === rubout)) eraseCharacter(line);
    else if (line.length < maxLineBytes) line.push(byte);
  }
}

const newline = 0x0a;
const carriageReturn = 0x0d;
const controlC = 0x03;
const controlD = 0x04;
const controlU = 0x15;
const backspace = 0x08;
const rubout = 0x7f;

function secretOf(line: readonly number[]): Secret {
  return new Secret(Buffer.from(line).toString('utf8').replace(/\r$/, ''));
}

/** Takes one UTF-8 character off: its continuation bytes, then its first. */
function eraseCharacter(line: number[]): void {
  while (((line.at(-1) ?? 0) & 0xc0) === 0x80) line.pop();
  line.pop();
}

/** A new password: twice from a person, one line from a pipe. Undefined: none was given, or the two differ. */
export async function askNewPassword(asker: Asker): Promise<Secret | undefined> {
  const password = await asker.askHidden('New password: ');
  if (password === undefined || !asker.isTerminal) return password;
  const again = await asker.askHidden('Once more: ');
  return again?.expose() === password.expose() ? password : undefined;
}
