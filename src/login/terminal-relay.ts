/**
 * Between the person's terminal and the shell's: what the shell prints is recorded first and shown then, in order;
 * what the person types goes to the shell and nowhere else.
 */
import { constants } from 'node:os';
import type { ReadStream, WriteStream } from 'node:tty';
import type { IPty } from 'node-pty';
import type { Window } from './asciicast.ts';
import type { SignalSource } from './interruption.ts';
import type { Recorder } from './recorder.ts';

export type Ending =
  | { readonly kind: 'exited'; readonly status: number }
  | { readonly kind: 'killed'; readonly signal: number }
  /** The session was ended, because it could not be recorded. */
  | { readonly kind: 'not-recorded'; readonly detail: string };

/** Output that may wait for the daemon or for a slow client before the shell is made to wait as well. */
const maxWaitingBytes = 262_144;
/** For a shell that does not end when its terminal is gone. */
const hangUpGraceMs = 5_000;

export class TerminalRelay {
  readonly #pty: IPty;
  readonly #recorder: Recorder;
  readonly #input: ReadStream;
  readonly #output: WriteStream;
  readonly #over = Promise.withResolvers<Ending>();
  /** One thing after the other, in the order in which they happened. */
  #queue: Promise<void> = Promise.resolve();
  #waitingBytes = 0;
  #shellHasEnded = false;
  #failure: Ending | undefined;

  constructor(pty: IPty, recorder: Recorder, input: ReadStream, output: WriteStream) {
    this.#pty = pty;
    this.#recorder = recorder;
    this.#input = input;
    this.#output = output;
  }

  /** Until the shell has ended and all that it printed is recorded and shown. */
  async run(signals: SignalSource): Promise<Ending> {
    this.#pty.onData(data => this.#show(Buffer.from(data))); // bytes, for want of an encoding
    this.#pty.onExit(({ exitCode, signal = 0 }) =>
      this.#over.resolve(signal === 0 ? { kind: 'exited', status: exitCode } : { kind: 'killed', signal }),
    );
    const onInput = (bytes: Buffer): void => this.#pty.write(bytes);
    const onHangUp = (): void => this.#hangUp();
    const onResize = (): void => this.#resize();
    // node-pty reads on for 200 ms once the shell has ended, and nothing must hold it up then.
    const onChildEnd = (): void => {
      this.#shellHasEnded = true;
      this.#pty.resume();
    };
    this.#output.on('resize', onResize).on('error', () => {}); // a client that has gone makes itself known by SIGHUP
    this.#input
      .on('data', onInput)
      .on('end', onHangUp)
      .on('error', () => {});
    signals.on('SIGHUP', onHangUp);
    signals.on('SIGTERM', onHangUp);
    signals.on('SIGCHLD', onChildEnd);

    const ending = await this.#over.promise;
    this.#input.off('data', onInput).off('end', onHangUp).pause();
    this.#output.off('resize', onResize);
    signals.off('SIGHUP', onHangUp);
    signals.off('SIGTERM', onHangUp);
    signals.off('SIGCHLD', onChildEnd);
    this.#enqueue(async () => await this.#recorder.end(describe(ending)));
    await this.#queue;
    return this.#failure ?? ending;
  }

  #show(bytes: Buffer): void {
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > maxWaitingBytes && !this.#shellHasEnded) this.#pty.pause();
    this.#enqueue(async () => {
      await this.#recorder.output(bytes);
      await new Promise(resolve => this.#output.write(bytes, resolve));
      this.#waitingBytes -= bytes.length;
      if (this.#waitingBytes <= maxWaitingBytes / 2) this.#pty.resume();
    });
  }

  #resize(): void {
    const window = windowOf(this.#output);
    this.#pty.resize(window.columns, window.rows);
    this.#enqueue(async () => await this.#recorder.resize(window));
  }

  #hangUp(): void {
    this.#pty.kill('SIGHUP');
    setTimeout(() => this.#over.resolve({ kind: 'killed', signal: constants.signals.SIGHUP }), hangUpGraceMs).unref();
  }

  #enqueue(step: () => Promise<void>): void {
    this.#queue = this.#queue.then(async () => {
      if (this.#failure !== undefined) return;
      try {
        await step();
      } catch (error) {
        this.#failure = notRecorded(error);
        this.#over.resolve(this.#failure);
        this.#pty.kill('SIGHUP');
      }
    });
  }
}

export function notRecorded(error: unknown): Ending {
  return { kind: 'not-recorded', detail: error instanceof Error ? error.message : String(error) };
}

/** A terminal without a size (`ssh -tt` from a pipe) gets the usual one: node-pty and asciicast have none without. */
export function windowOf(terminal: Partial<Pick<WriteStream, 'columns' | 'rows'>>): Window {
  const { columns = 0, rows = 0 } = terminal;
  return columns > 0 && rows > 0 ? { columns, rows } : { columns: 80, rows: 24 };
}

function describe(ending: Ending): string {
  switch (ending.kind) {
    case 'exited':
      return `exit ${ending.status}`;
    case 'killed':
      return `signal ${signalName(ending.signal)}`;
    case 'not-recorded':
      return ending.detail;
  }
}

function signalName(signal: number): string {
  const found = Object.entries(constants.signals).find(([, number]) => number === signal);
  return found?.[0] ?? String(signal);
}
