import type { Fault } from '../recording/fault.ts';
import type { Recording } from '../recording/recording.ts';
import type { Ask, Side } from '../relay/allowed.ts';
import type { SessionLog } from '../relay/session-log.ts';
import type { SessionTap } from '../relay/tap.ts';

/** What listens to one session: its audit lines and, where the service wants one, its recording. */
export class Session implements SessionTap {
  readonly #log: SessionLog;
  readonly #recording: Recording | undefined;
  readonly #over: () => void;
  readonly #report: (error: unknown) => void;
  #endRelay: (why: string) => void = () => {};
  #isOver = false;

  /** @param over once, when the session has ended */
  constructor(
    log: SessionLog,
    recording: Recording | undefined,
    { over, report }: { readonly over: () => void; readonly report: (error: unknown) => void },
  ) {
    this.#report = report;
    this.#log = log;
    this.#recording = recording;
    this.#over = over;
    recording?.onFailure(fault => this.#notRecorded(fault));
  }

  get isCongested(): boolean {
    return this.#recording?.isCongested ?? false;
  }

  /** @param end ends what passes */
  onEnd(end: (why: string) => void): void {
    this.#endRelay = end;
  }

  onDrained(drained: () => void): void {
    this.#recording?.onDrained(drained);
  }

  request(channel: number, payload: Buffer): void {
    this.#log.request(channel, payload);
    this.#recording?.request(channel, payload);
  }

  answered(channel: number, isSuccess: boolean): void {
    this.#recording?.answered(channel, isSuccess);
  }

  input(channel: number, payload: Buffer): void {
    this.#log.input(channel, payload);
    this.#recording?.input(channel, payload);
  }

  output(channel: number, payload: Buffer): void {
    this.#log.output(channel, payload);
    this.#recording?.output(channel, payload);
  }

  ending(channel: number, payload: Buffer): void {
    this.#log.ending(channel, payload);
    this.#recording?.ending(channel, payload);
  }

  closed(channel: number): void {
    this.#recording?.closed(channel);
  }

  refused(ask: Ask): void {
    this.#log.refused(ask);
  }

  violation(from: Side, what: string): void {
    this.#log.violation(from, what);
  }

  end(why: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#recording?.end();
    this.#over();
    try {
      this.#log.end(why);
    } catch (error) {
      this.#report(error); // nothing is left to be ended for it
    }
  }

  #notRecorded({ says, detail }: Fault): void {
    try {
      this.#log.notRecorded(detail);
    } catch (error) {
      this.#report(error);
    }
    this.#endRelay(`the session cannot be recorded: ${says}`);
  }
}
