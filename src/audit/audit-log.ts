import type { AuditLog, Clock, DecisionEvent } from '../auth/ports.ts';
import { isOffline } from '../policy/decision.ts';
import { cleanText } from '../protocol/clean.ts';
import { AuditFile } from './audit-file.ts';
import { writeFully } from './write-fully.ts';

export interface AuditSettings {
  readonly clock: Clock;
  /** Path of the audit file; empty: none. */
  readonly file: string;
  /** Where the lines go besides: standard output, which journald reads, unless a test says otherwise. */
  readonly write?: (line: string) => void;
}

/**
 * One JSON object per line and decision, to standard output and to the file. Both must take it, or it throws; but for a
 * login by an offline factor standard output suffices, since a full disk may be why it is needed.
 */
export function openAudit(settings: AuditSettings): AuditLog & { close(): void } {
  const { clock, write = toStandardOutput } = settings;
  const file = settings.file === '' ? undefined : new AuditFile(settings.file);
  return {
    decision(event) {
      const line = lineOf(event, clock.now());
      try {
        file?.append(line);
      } catch (error) {
        if (event.decision !== 'allow' || !isOffline(event.factor)) throw error;
        write(lineOf({ ...event, detail: `${event.detail}; not in the audit file: ${String(error)}` }, clock.now()));
        return;
      }
      write(line);
    },
    close() {
      file?.close();
    },
  };
}

export function toStandardOutput(line: string): void {
  writeFully(1, line);
}

/** Longest value in a log line, in characters. */
export const maxLogged = 1024;

function lineOf(event: DecisionEvent, now: number): string {
  const line: Record<string, unknown> = { time: new Date(now).toISOString() };
  for (const [name, value] of Object.entries(event)) line[name] = cleanValue(value);
  return `${JSON.stringify(line)}\n`;
}

/** Most of it came from elsewhere, and somebody will look at it in a terminal. */
function cleanValue(value: unknown): unknown {
  return typeof value === 'string' ? cleanText(value, maxLogged) : value;
}
