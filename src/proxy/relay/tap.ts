import type { Ask, Side } from './allowed.ts';

/** Who listens to what passes: the log, and the recording where there is one. Channels have the client's numbers. */
export interface SessionTap {
  /** The recording is behind: the host is to send no more until the tap says so. */
  readonly isCongested: boolean;
  /** A request of the client that passes. */
  request(channel: number, payload: Buffer): void;
  /** Data from the host, standard output or another stream. The bytes are gone when this returns. */
  output(channel: number, payload: Buffer): void;
  /** A request of the host that passes: how a program ended, as a rule. */
  ending(channel: number, payload: Buffer): void;
  closed(channel: number): void;
  refused(ask: Ask): void;
  violation(from: Side, what: string): void;
}
