import type { AuditNotes } from '../../audit/audit-log.ts';
import type { Clock } from '../../auth/ports.ts';
import type { Passage } from '../downstream/login.ts';
import { parseChannelRequest } from '../messages/connection.ts';
import type { Ask, Side } from './allowed.ts';
import type { SessionTap } from './tap.ts';

/** Lines about what was refused, per session: whoever asks without end fills no disk. */
const maxRefusals = 50;

/** The audit lines of one session: what ran in it, how that ended, what was refused. Throws if one cannot be written. */
export class SessionLog implements SessionTap {
  readonly isCongested = false;
  readonly #passage: Passage;
  readonly #audit: AuditNotes;
  readonly #clock: Clock;
  readonly #startedAt: number;
  #refusals = 0;
  #inputBytes = 0;
  #outputBytes = 0;

  constructor(passage: Passage, clientAddress: string, audit: AuditNotes, clock: Clock) {
    this.#passage = passage;
    this.#audit = audit;
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.#note('session-start', { person: passage.person, account: passage.account, client: clientAddress });
  }

  request(channel: number, payload: Buffer): void {
    const request = parseChannelRequest(payload);
    if (request === undefined) return;
    const { type, data } = request;
    if (type === 'shell') this.#note('channel-start', { channel, kind: 'shell' });
    if (type === 'subsystem') this.#note('channel-start', { channel, kind: data.string().toString('utf8') });
    if (type === 'exec')
      this.#note('channel-start', { channel, kind: 'exec', command: data.string().toString('utf8') });
  }

  answered(): void {}

  input(_channel: number, payload: Buffer): void {
    this.#inputBytes += payload.length;
  }

  output(_channel: number, payload: Buffer): void {
    this.#outputBytes += payload.length;
  }

  ending(channel: number, payload: Buffer): void {
    const request = parseChannelRequest(payload);
    if (request?.type === 'exit-status') this.#note('channel-end', { channel, status: request.data.uint32() });
    if (request?.type === 'exit-signal')
      this.#note('channel-end', { channel, signal: request.data.string().toString('utf8') });
  }

  closed(): void {}

  refused(ask: Ask): void {
    if (++this.#refusals > maxRefusals) return;
    const { kind, from, type } = ask;
    const name = ask.kind === 'request' ? (ask.name ?? null) : null;
    this.#note('channel-refused', { kind, from, type, name });
  }

  violation(from: Side, what: string): void {
    this.#note('protocol-error', { from, what });
  }

  notRecorded(why: string): void {
    this.#note('not-recorded', { why });
  }

  end(why: string): void {
    const refusals = this.#refusals;
    const totalMs = this.#clock.now() - this.#startedAt;
    const [inputBytes, outputBytes] = [this.#inputBytes, this.#outputBytes];
    this.#note('session-end', { why, totalMs, inputBytes, outputBytes, refusals });
  }

  #note(event: string, facts: Readonly<Record<string, string | number | null>>): void {
    this.#audit.note({ event, attempt: this.#passage.id, target: this.#passage.service.name, ...facts });
  }
}
