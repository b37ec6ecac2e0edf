import { cleanText } from '../protocol/clean.ts';

/** One line of the server's log: what was asked and what was answered. Never a secret, a code or a challenge. */
export interface AuditEvent {
  readonly event: 'verdict';
  readonly endpoint: string;
  readonly status: 'success' | 'failed';
  readonly reason: string;
  /** Address of whoever connected. */
  readonly peer: string;
  readonly service?: string | undefined;
  /** The ID of the access proxy that asks about that service. */
  readonly proxy?: string | undefined;
  readonly account?: string | undefined;
  readonly person?: string | undefined;
  /** Address of the person's client, as the host tells it. */
  readonly client?: string | undefined;
  readonly factor?: 'totp' | 'push' | undefined;
  readonly device?: string | undefined;
  readonly attempt?: string | undefined;
  /** Our finer word where TRASA's reason says less (a push refused or expired, a code replayed). */
  readonly detail?: string | undefined;
  readonly totalMs: number;
}

/** Takes one line, without its end. */
export type WriteLine = (line: string) => void;

export function writeEvent(write: WriteLine, now: number, event: AuditEvent): void {
  const cleaned = Object.entries(event).map(([name, value]: [string, unknown]) => [
    name,
    typeof value === 'string' ? cleanText(value, maxLength) : value,
  ]);
  write(JSON.stringify({ time: new Date(now).toISOString(), ...Object.fromEntries(cleaned) }));
}

const maxLength = 256;
