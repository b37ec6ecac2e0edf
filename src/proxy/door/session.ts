import type { SessionReport } from '../crew/messages.ts';
import type { Fault } from '../recording/fault.ts';
import type { Recording } from '../recording/recording.ts';
import type { Ask, Side } from '../relay/allowed.ts';
import type { SessionLog } from '../relay/session-log.ts';
import type { FailedChannel, OpenedChannel, SessionTap } from '../relay/tap.ts';
import { SessionView } from './session-view.ts';

/** What is known of a session from its beginning. */
export type SessionFacts = Omit<SessionReport, 'channels' | 'bytesIn' | 'bytesOut'>;

/** What listens to one session: its audit lines, whoever watches and, where the service wants one, its recording. */
export class Session implements SessionTap {
  readonly facts: SessionFacts;
  readonly view = new SessionView();
  readonly #log: SessionLog;
  readonly #recording: Recording | undefined;
  readonly #report: (error: unknown) => void;
  #endRelay: (why: string) => void = () => {};
  #isOver = false;

  constructor(
    log: SessionLog,
    recording: Recording | undefined,
    { facts, report }: { readonly facts: SessionFacts; readonly report: (error: unknown) => void },
  ) {
    this.facts = facts;
    this.#report = report;
    this.#log = log;
    this.#recording = recording;
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

  opened(channel: OpenedChannel): void {
    this.#log.opened(channel);
    this.view.opened(channel);
  }

  notOpened(channel: FailedChannel, why: string): void {
    this.#log.notOpened(channel, why);
  }

  request(channel: number, payload: Buffer): void {
    this.#log.request(channel, payload);
    this.#recording?.request(channel, payload);
    this.view.request(channel, payload);
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
    this.view.output(channel, payload);
  }

  ending(channel: number, payload: Buffer): void {
    this.#log.ending(channel, payload);
    this.#recording?.ending(channel, payload);
  }

  closed(channel: number, why?: string): void {
    this.#log.closed(channel, why);
    this.#recording?.closed(channel);
    this.view.closed(channel);
  }

  refused(ask: Ask, why: string): void {
    this.#log.refused(ask, why);
  }

  violation(from: Side, what: string): void {
    this.#log.violation(from, what);
  }

  end(why: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#recording?.end();
    this.view.end(why);
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
