import type { AuditNotes } from '../../audit/audit-log.ts';
import type { Clock } from '../../auth/ports.ts';
import type { SessionReport } from '../crew/messages.ts';
import type { Passage } from '../downstream/login.ts';
import type { Ask, Side } from '../relay/allowed.ts';
import { Recording } from '../relay/recording.ts';
import { SessionLog } from '../relay/session-log.ts';
import type { SessionTap } from '../relay/tap.ts';
import { SessionView } from './session-view.ts';

export interface SessionParts {
  /** Where recordings go. */
  readonly directory: string;
  readonly audit: AuditNotes;
  readonly clock: Clock;
  /** A bug. */
  readonly report: (error: unknown) => void;
}

/** Throws if its first line cannot be written. */
export function startSession(passage: Passage, client: string, parts: SessionParts): Session {
  const { person, account, service, id, grant } = passage;
  const { directory, audit, clock, report } = parts;
  const title = `${person} to ${account}@${service.name} from ${client} [${id}]`;
  const recording = grant.record ? new Recording({ directory, id, title, now: () => clock.now() }) : undefined;
  const facts = { id, person, account, service: service.name, client, since: clock.now(), isRecorded: grant.record };
  return new Session(facts, new SessionLog(passage, client, audit, clock), recording, report);
}

type Facts = Omit<SessionReport, 'channels' | 'bytesIn' | 'bytesOut'>;

/** What listens to one session: its audit lines, whoever watches and, where the service wants one, its recording. */
export class Session implements SessionTap {
  readonly view = new SessionView();
  readonly #facts: Facts;
  readonly #log: SessionLog;
  readonly #recording: Recording | undefined;
  readonly #report: (error: unknown) => void;
  #endRelay: (why: string) => void = () => {};
  #isOver = false;

  constructor(facts: Facts, log: SessionLog, recording: Recording | undefined, report: (error: unknown) => void) {
    this.#facts = facts;
    this.#report = report;
    this.#log = log;
    this.#recording = recording;
    recording?.onFailure(why => this.#endRelay(`the session cannot be recorded: ${why}`));
  }

  get id(): string {
    return this.#facts.id;
  }

  report(): Omit<SessionReport, 'bytesIn' | 'bytesOut'> {
    return { ...this.#facts, channels: this.view.channels };
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
    this.view.request(channel, payload);
  }

  output(channel: number, payload: Buffer): void {
    this.#log.output(channel, payload);
    this.#recording?.output(channel, payload);
    this.view.output(channel, payload);
  }

  ending(channel: number, payload: Buffer): void {
    this.#log.ending(channel, payload);
  }

  closed(channel: number): void {
    this.#recording?.closed(channel);
    this.view.closed(channel);
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
    this.view.end(why);
    try {
      this.#log.end(why);
    } catch (error) {
      this.#report(error); // nothing is left to be ended for it
    }
  }
}
