/**
 * What the primary and a worker tell each other. The primary listens, counts and reads no byte from a stranger; a worker
 * has everything else: keys, dialogues, sessions, recordings. Each message is a plain value (structured clone).
 */
import type { Socket } from 'node:net';
import type { Sample } from '../metrics/counters.ts';
import type { PackedConfig } from './packed-config.ts';

export type ToWorker =
  /** The first, and once. `release`: of the primary. */
  | { readonly kind: 'start'; readonly release: string; readonly config: PackedConfig }
  /** With the socket. `isBalancer`: whoever is at its other end says first for whom they speak. */
  | { readonly kind: 'connection'; readonly connection: number; readonly address: string; readonly isBalancer: boolean }
  | { readonly kind: 'answer'; readonly question: number; readonly yes: boolean }
  /** No connection comes any more: it ends with its last session. Within `drainMs`: strangers at once, all others then. */
  | { readonly kind: 'leave'; readonly drainMs?: number }
  | { readonly kind: 'end-session'; readonly id: string; readonly why: string }
  | { readonly kind: 'report'; readonly question: number }
  | { readonly kind: 'watch'; readonly id: string; readonly watcher: number }
  | { readonly kind: 'unwatch'; readonly watcher: number };

export type ToPrimary =
  | { readonly kind: 'ready' }
  /**
   * `isFinal`: no other worker with this configuration is to try. An upgrade has brought another program, which may mean
   * something else by these messages; or a token has refused its PIN, and would be locked for good by the next few.
   */
  | { readonly kind: 'cannot-start'; readonly why: string; readonly isFinal: boolean }
  | { readonly kind: 'ask'; readonly question: number; readonly about: Question }
  /** A method failed. */
  | { readonly kind: 'failed'; readonly connection: number }
  | { readonly kind: 'logged-in'; readonly connection: number; readonly id: string }
  | { readonly kind: 'gone'; readonly connection: number; readonly timedOut: boolean }
  | { readonly kind: 'push-over'; readonly target: string }
  | { readonly kind: 'report'; readonly question: number; readonly report: WorkerReport }
  /** The last, before it ends as it should. */
  | { readonly kind: 'counted'; readonly counted: readonly Sample[] }
  | { readonly kind: 'output'; readonly watcher: number; readonly data: Uint8Array }
  | { readonly kind: 'watch-over'; readonly watcher: number; readonly why: string };

/** What only one process can know. */
export type Question =
  /** The balancer has said who it is. May they stay? */
  | { readonly kind: 'arrival'; readonly connection: number; readonly address: string }
  /** Is there room for one more session? */
  | { readonly kind: 'seat'; readonly connection: number }
  /** May a push go to `target`, or does one wait there already? */
  | { readonly kind: 'push'; readonly target: string };

/** How a worker is. */
export interface WorkerReport {
  readonly sessions: readonly SessionReport[];
  /** By what it does, since it began. */
  readonly counted: readonly Sample[];
  /** What it costs. */
  readonly process: readonly Sample[];
}

/** A session as an administrator sees it. */
export interface SessionReport {
  readonly id: string;
  readonly person: string;
  readonly account: string;
  readonly service: string;
  readonly client: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** What is open in it: `shell`, `sftp`, `exec: id`. */
  readonly channels: readonly string[];
  /** As they came from the client, and went to it: encrypted. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly isRecorded: boolean;
}

/** One end of the line between the two. What is sent arrives whole, once and in order, or the line is closed. */
export interface Post<Out, In> {
  /** @param sent afterwards, with whether it could be */
  send(message: Out, socket?: Socket, sent?: (isSent: boolean) => void): void;
  /** For one listener each. `socket` is undefined, too, if it was closed on the way. */
  onMessage(listener: (message: In, socket: Socket | undefined) => void): void;
  /** The other end is gone. @param how for the log; undefined: as it should */
  onClosed(listener: (how: string | undefined) => void): void;
}

export type WorkerEnd = Post<ToPrimary, ToWorker>;

/** A worker, as the primary has it. */
export interface WorkerProcess extends Post<ToWorker, ToPrimary> {
  /** For a log. */
  readonly pid: number;
  /** At once, without a last word. */
  kill(): void;
}
