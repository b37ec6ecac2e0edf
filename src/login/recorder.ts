/** Turns what a terminal shows into events, and hands them to the daemon in order. */
import { StringDecoder } from 'node:string_decoder';
import { cutForEvents, eventLine, headerLine, type Window } from './asciicast.ts';

/** Where lines go: the daemon, by relay's RecordChannel. Rejects if a line is lost. */
export interface LineSink {
  write(line: string): Promise<void>;
}

export class Recorder {
  readonly #sink: LineSink;
  readonly #now: () => number;
  readonly #startedAt: number;
  /** Holds back the first bytes of a character that is cut in two by a read. */
  readonly #decoder = new StringDecoder('utf8');

  /** @param now milliseconds since 1970 */
  constructor(sink: LineSink, now: () => number) {
    this.#sink = sink;
    this.#now = now;
    this.#startedAt = now();
  }

  async begin(window: Window, env: Readonly<Record<string, string>>): Promise<void> {
    await this.#sink.write(headerLine(window, this.#startedAt, env));
  }

  /** Settles when all of it is kept: show it to the person after that, not before. */
  async output(bytes: Buffer): Promise<void> {
    await this.#text(this.#decoder.write(bytes));
  }

  async resize({ columns, rows }: Window): Promise<void> {
    await this.#event('r', `${columns}x${rows}`);
  }

  /** @param how `exit 0`, `signal SIGKILL` */
  async end(how: string): Promise<void> {
    await this.#text(this.#decoder.end());
    await this.#event('m', how);
  }

  async #text(text: string): Promise<void> {
    await Promise.all(cutForEvents(text).map(async piece => await this.#event('o', piece)));
  }

  async #event(code: 'o' | 'r' | 'm', data: string): Promise<void> {
    await this.#sink.write(eventLine(this.#now() - this.#startedAt, code, data));
  }
}
