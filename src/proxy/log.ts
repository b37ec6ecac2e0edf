import type { DaemonLog, LogFacts } from '../audit/daemon-log.ts';

/** What the proxy says of itself, beside decisions and sessions. */
export interface ProxyLog extends Pick<DaemonLog, 'debug' | 'info' | 'warn' | 'error'> {
  /** An exception that should not have been: with its stack, at the cost of one connection. */
  bug(error: unknown): void;
}

export function proxyLog(log: DaemonLog): ProxyLog {
  return {
    debug: (text: string, facts?: LogFacts) => log.debug(text, facts),
    info: (text: string, facts?: LogFacts) => log.info(text, facts),
    warn: (text: string, facts?: LogFacts) => log.warn(text, facts),
    error: (text: string, facts?: LogFacts) => log.error(text, facts),
    bug: error =>
      log.error(`internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`),
  };
}
