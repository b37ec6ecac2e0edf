import type { Readable, Writable } from 'node:stream';
import { Secret } from '../../otp/secret.ts';
import { LineEditor } from '../../terminal/line-editor.ts';

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
      return await readLine(bytes, signal);
    },
    askHidden: async prompt => {
      if (input.isTTY !== true) return await readLine(bytes);
      output.write(prompt);
      input.setRawMode?.(true); // then the keys for editing are ours to understand
      try {
        return await readKeys(bytes);
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

/** As it comes, from a pipe or from a terminal that does the editing. */
async function readLine(bytes: ByteQueue, signal?: AbortSignal): Promise<Secret | undefined> {
  const line: number[] = [];
  for (;;) {
    const byte = await bytes.next(signal);
    if (byte === undefined) return line.length === 0 ? undefined : secretOf(line);
    if (byte === newline) return secretOf(line);
    if (line.length < maxLineBytes) line.push(byte);
  }
}

/** Key by key, from a terminal that does nothing by itself. */
async function readKeys(bytes: ByteQueue): Promise<Secret | undefined> {
  const editor = new LineEditor(maxLineBytes);
  for (;;) {
    const byte = await bytes.next();
    const effect = byte === undefined ? 'cancel' : editor.push(byte);
    if (effect === 'cancel') return undefined;
    if (effect === 'line') return new Secret(editor.text);
  }
}

const newline = 0x0a;

/** All that comes until the end. Undefined: nothing, or more than a private key has. */
export async function readWhole(input: Readable): Promise<Secret | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of input as AsyncIterable<Buffer | string>) {
    chunks.push(Buffer.from(chunk));
    size += chunk.length;
    if (size > maxWholeBytes) return undefined;
  }
  return size === 0 ? undefined : new Secret(Buffer.concat(chunks).toString('utf8'));
}

const maxWholeBytes = 65_536;

function secretOf(line: readonly number[]): Secret {
  return new Secret(Buffer.from(line).toString('utf8').replace(/\r$/, ''));
}

/** A new password: twice from a person, one line from a pipe. Undefined: none was given, or the two differ. */
export async function askNewPassword(asker: Asker): Promise<Secret | undefined> {
  const password = await asker.askHidden('New password: ');
  if (password === undefined || !asker.isTerminal) return password;
  const again = await asker.askHidden('Once more: ');
  return again?.expose() === password.expose() ? password : undefined;
}
