import type { Clock } from '../auth/ports.ts';
import { cleanText } from '../protocol/clean.ts';
import { maxLogged, toStandardOutput } from './audit-log.ts';

/** What a service says of itself, beside the decisions: JSON lines with `"event":"daemon"`, or `"proxy"`. Never throws. */
export interface DaemonLog {
  /** Written only while the configuration says `debug = true`. */
  debug(text: string, facts?: LogFacts): void;
  info(text: string, facts?: LogFacts): void;
  warn(text: string, facts?: LogFacts): void;
  error(text: string, facts?: LogFacts): void;
  setDebug(on: boolean): void;
}

export type LogFacts = Readonly<Record<string, string | number>>;

export function openDaemonLog(
  clock: Clock,
  write: (line: string) => void = toStandardOutput,
  event: 'daemon' | 'proxy' = 'daemon',
): DaemonLog {
  let debugging = false;
  const say = (level: string, text: string, facts: LogFacts = {}): void => {
    const line: Record<string, string | number> = {
      time: new Date(clock.now()).toISOString(),
      event,
      level,
      text: cleanText(text, maxLogged),
    };
    for (const [name, value] of Object.entries(facts))
      line[name] = typeof value === 'string' ? cleanText(value, maxLogged) : value;
    try {
      write(`${JSON.stringify(line)}\n`);
    } catch {
      // Nobody is left to be told. Decisions have a log of their own, which does throw.
    }
  };
  return {
    debug: (text, facts) => {
      if (debugging) say('debug', text, facts);
    },
    info: (text, facts) => say('info', text, facts),
    warn: (text, facts) => say('warning', text, facts),
    error: (text, facts) => say('error', text, facts),
    setDebug(on) {
      debugging = on;
    },
  };
}
