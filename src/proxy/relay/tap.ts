import type { Ask, Side } from './allowed.ts';

/** Who listens to what passes: the log, and the recording where there is one. Channels have the client's numbers. */
export interface SessionTap {
  /** The recording is behind: nobody is to send more until the tap says so. */
  readonly isCongested: boolean;
  /** A request of the client that passes. */
  request(channel: number, payload: Buffer): void;
  /** The host's reply to a request of the client, the first of those that wait for one. */
  answered(channel: number, isSuccess: boolean): void;
  /** Data from the client. */
  input(channel: number, payload: Buffer): void;
  /** Data from the host, standard output or another stream. */
  output(channel: number, payload: Buffer): void;
  /** A request of the host that passes: how a program ended, as a rule. */
  ending(channel: number, payload: Buffer): void;
  closed(channel: number): void;
  refused(ask: Ask): void;
  violation(from: Side, what: string): void;
}
