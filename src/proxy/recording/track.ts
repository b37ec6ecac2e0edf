/** What is recorded of one channel, as lines of one file. */

export type Stream = 'stdout' | 'stderr';

/** What the header of each file says of the session. */
export interface SessionFacts {
  /** Of the attempt: the beginning of each file's name. */
  readonly id: string;
  readonly person: string;
  readonly account: string;
  readonly service: string;
  /** The address. */
  readonly client: string;
}

export type Kind = 'terminal' | 'command' | 'sftp' | 'scp';

export interface TrackPorts {
  readonly line: (value: unknown) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A string says what cannot be recorded, and so must not go on. */
export interface Track {
  output(stream: Stream, data: Buffer): string | undefined;
  input(data: Buffer): string | undefined;
  resize(columns: number, rows: number): void;
  /** `exit 0`, `signal KILL` */
  exited(how: string): void;
  /** Nothing comes any more. */
  end(): void;
}

/** Milliseconds since the start as the seconds of an event. */
export function seconds(ms: number): number {
  return Math.max(0, Math.round(ms)) / 1000;
}

export function titleOf({ id, person, account, service, client }: SessionFacts): string {
  return `${person} to ${account}@${service} from ${client} [${id}]`;
}
