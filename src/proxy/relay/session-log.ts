import type { AuditNotes } from '../../audit/audit-log.ts';
import type { Clock } from '../../auth/ports.ts';
import { WireReader } from '../../ssh/wire.ts';
import type { JumpPassage, Passage } from '../downstream/login.ts';
import { parseChannelRequest, type Request } from '../messages/connection.ts';
import type { Ask, Side } from './allowed.ts';
import { type Place, placeText } from './places.ts';
import type { FailedChannel, OpenedChannel, SessionTap } from './tap.ts';

/** Lines about what was refused, per session: whoever asks without end fills no disk. */
const maxRefusals = 50;

/** The audit lines of one session: what ran in it, how that ended, what was refused. Throws if one cannot be written. */
export class SessionLog implements SessionTap {
  readonly isCongested = false;
  readonly #passage: Passage | JumpPassage;
  readonly #audit: AuditNotes;
  readonly #clock: Clock;
  readonly #startedAt: number;
  /** Those that are no sessions, by the client's number. */
  readonly #forwarded = new Map<number, OpenedChannel>();
  /** Those in which a program runs whose end is not told yet. */
  readonly #running = new Set<number>();
  #refusals = 0;
  #inputBytes = 0;
  #outputBytes = 0;

  constructor(passage: Passage | JumpPassage, clientAddress: string, audit: AuditNotes, clock: Clock) {
    this.#passage = passage;
    this.#audit = audit;
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.#note('session-start', { person: passage.person, account: passage.account, client: clientAddress });
  }

  opened(channel: OpenedChannel): void {
    if (channel.type === 'session') return; // what runs in it says more
    this.#forwarded.set(channel.client, channel);
    this.#note('channel-start', { channel: channel.client, ...factsOf(channel) });
  }

  notOpened(channel: FailedChannel, why: string): void {
    this.#note('channel-failed', { ...factsOf(channel), why });
  }

  request(channel: number, payload: Buffer): void {
    const request = parseChannelRequest(payload);
    if (request === undefined) return;
    const { type, data } = request;
    if (['shell', 'subsystem', 'exec'].includes(type)) this.#running.add(channel);
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

  /** Once for each program: a host that says it again and again fills no disk. */
  ending(channel: number, payload: Buffer): void {
    const request = parseChannelRequest(payload);
    const how = request && howEnded(request);
    if (how !== undefined && this.#running.delete(channel)) this.#note('channel-end', { channel, ...how });
  }

  closed(channel: number, why?: string): void {
    this.#running.delete(channel);
    const forwarded = this.#forwarded.get(channel);
    if (forwarded === undefined) return;
    this.#forwarded.delete(channel);
    const { client, host } = forwarded.bytes;
    this.#note('channel-end', { channel, clientBytes: client, hostBytes: host, ...(why !== undefined && { why }) });
  }

  refused({ kind, from, type, name, place }: Ask, why: string): void {
    if (++this.#refusals > maxRefusals) return;
    this.#note('channel-refused', { kind, from, type, name: name ?? textOf(place), why });
  }

  violation(from: Side, what: string): void {
    this.#note('protocol-error', { from, what });
  }

  notRecorded(why: string): void {
    this.#note('not-recorded', { why });
  }

  end(why: string): void {
    for (const channel of this.#forwarded.keys()) this.closed(channel); // a Map bears that
    const refusals = this.#refusals;
    const totalMs = this.#clock.now() - this.#startedAt;
    const [inputBytes, outputBytes] = [this.#inputBytes, this.#outputBytes];
    this.#note('session-end', { why, totalMs, inputBytes, outputBytes, refusals });
  }

  #note(event: string, facts: Readonly<Record<string, string | number | null>>): void {
    this.#audit.note({ event, attempt: this.#passage.id, target: this.#passage.service.name, ...facts });
  }
}

function howEnded({ type, data }: Request): { readonly status: number } | { readonly signal: string } | undefined {
  if (type === 'exit-status') return { status: data.uint32() };
  return type === 'exit-signal' ? { signal: data.string().toString('utf8') } : undefined;
}

function factsOf({ type, opener, place, leadsTo }: FailedChannel): Readonly<Record<string, string | null>> {
  return { kind: type, from: opener, place: textOf(place), ...(leadsTo !== undefined && { leadsTo }) };
}

function textOf(place: Place | undefined): string | null {
  return place === undefined ? null : placeText(place);
}

/** For the tap of a recording: the data of CHANNEL_DATA or CHANNEL_EXTENDED_DATA. */
export function dataOf(payload: Buffer): Buffer {
  const reader = new WireReader(payload);
  const isExtended = reader.byte() === 95;
  reader.uint32();
  if (isExtended) reader.uint32();
  return reader.string();
}
