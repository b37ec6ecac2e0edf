/** What of the agent is in use on this host, for the commands that look at all of it. */
import { existsSync } from 'node:fs';
import { isSea } from 'node:sea';
import { usualPlaces } from '../config/load.ts';
import { doorLines } from '../report/doors.ts';
import { isProxyConfigured } from '../system/proxy-standing.ts';

export interface Parts {
  /** Logins of this host. Not where there is a proxy, and nothing that points to anything else. */
  readonly host: boolean;
  readonly proxy: boolean;
}

/** @param config of the daemon, if one was named */
export function partsInUse(config: string | undefined): Parts {
  const proxy = isProxyConfigured();
  const isHost = config !== undefined || usualPlaces.some(place => existsSync(place)) || doorLines().length > 0;
  return { host: isHost || !proxy, proxy };
}

/** This program, as it is started. */
export function thisProgram(): readonly string[] {
  return [process.execPath, ...(isSea() ? [] : [...process.execArgv, process.argv[1] ?? ''])];
}
