import type { Ask, Side } from './allowed.ts';
import type { OpenChannel } from './channels.ts';

/** What there is to say of a channel; its bytes as of now. */
export interface OpenedChannel extends Pick<OpenChannel, 'client' | 'type' | 'place' | 'opener' | 'bytes'> {
  /** The service that a jump leads to. */
  readonly leadsTo?: string;
}

export type FailedChannel = Omit<OpenedChannel, 'client' | 'bytes'>;

/** Who listens to what passes: the log, and the recording where there is one. Channels have the client's numbers. */
export interface SessionTap {
  /** The recording is behind: nobody is to send more until the tap says so. */
  readonly isCongested: boolean;
  /** A channel is open, both sides agreeing. */
  opened(channel: OpenedChannel): void;
  /** A channel that was let pass is not opened by the other side. */
  notOpened(channel: FailedChannel, why: string): void;
  /** A request of the client that passes. */
  request(channel: number, payload: Buffer): void;
  /** The host's reply to a request of the client, the first of those that wait for one. */
  answered(channel: number, isSuccess: boolean): void;
  /** Data of a session from the client. The bytes are gone when this returns. */
  input(channel: number, payload: Buffer): void;
  /** Data of a session from the host, standard output or another stream; gone likewise. */
  output(channel: number, payload: Buffer): void;
  /** A request of the host that passes: how a program ended, as a rule. */
  ending(channel: number, payload: Buffer): void;
  /** @param why where it was not the will of either side */
  closed(channel: number, why?: string): void;
  refused(ask: Ask, why: string): void;
  violation(from: Side, what: string): void;
}
