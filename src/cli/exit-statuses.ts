/** The part of each command's help that says what its exit status means. */
import { exitStatus } from '../policy/refusals.ts';

const meanings: Readonly<Record<keyof typeof exitStatus, string>> = {
  failed: 'the request could not be carried out',
  usage: 'wrong command line',
  unavailable: 'something it needs does not answer, or the host cannot look up an account',
  software: 'internal error',
  tryLater: 'not now; try again later',
  noPermission: 'denied',
  config: 'the configuration is missing, unsafe or wrong',
  interrupted: 'interrupted',
};

/** @param success what status 0 means; @param statuses which others the command can end with, beside usage and software. */
export function exitStatuses(success: string, statuses: readonly (keyof typeof exitStatus)[] = []): string {
  const rows: [number, string][] = [[0, success]];
  for (const name of new Set<keyof typeof exitStatus>(['usage', ...statuses, 'software']))
    rows.push([exitStatus[name], meanings[name]]);
  const lines = rows.toSorted(([a], [b]) => a - b).map(([status, text]) => `  ${String(status).padStart(3)}  ${text}`);
  return `Exit status (sysexits.h):\n${lines.join('\n')}`;
}
