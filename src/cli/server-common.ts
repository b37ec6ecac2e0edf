/** What the `trasa-agent server …` commands share: the options, the state, and how they end. */

import type { Secret } from '../otp/secret.ts';
import { exitStatus } from '../policy/refusals.ts';
import { cleanText } from '../protocol/clean.ts';
import type { Result } from '../server/admin/result.ts';
import { askNewPassword, askOn } from '../server/admin/terminal.ts';
import type { ServerState } from '../server/state/open-state.ts';
import { exitStatuses } from './exit-statuses.ts';

/** The epilogue of their help. */
export const serverStatuses = exitStatuses('done', ['failed', 'unavailable', 'noPermission', 'config']);

export const stateOptions = {
  state: {
    type: 'string',
    requiresArg: true,
    default: '/var/lib/trasa-server',
    describe: "directory of all that the server keeps; its user's alone (mode 0700)",
  },
  'master-key': {
    type: 'string',
    requiresArg: true,
    describe: 'file with the master key, if not in the state directory (a systemd credential)',
  },
} as const;

export const personOption = { type: 'string', demandOption: true, describe: 'email or username' } as const;
export const accountOption = { type: 'string', demandOption: true, describe: 'Unix user on that host' } as const;
export const serviceOption = { type: 'string', demandOption: true, describe: 'name or serviceID' } as const;

interface StateArguments {
  readonly state: string;
  readonly masterKey?: string | undefined;
}

/** Runs with the state open. What comes back as failed becomes a line on stderr and the exit status. */
export async function withState<T>(
  { state: directory, masterKey }: StateArguments,
  work: (state: ServerState) => Result<T> | Promise<Result<T>>,
): Promise<void> {
  const { openState } = await import('../server/state/open-state.ts');
  const opened = openState(directory, masterKey);
  if (opened.kind === 'broken') {
    fail(opened.text, exitStatus.config);
    return;
  }
  try {
    const result = await work(opened.state);
    if (result.kind === 'failed') fail(result.text);
  } finally {
    opened.state.close();
  }
}

/** From the terminal, twice, or the first line of stdin. */
export async function newPassword(): Promise<Secret | undefined> {
  const asker = askOn(process.stdin, process.stderr);
  try {
    return await askNewPassword(asker);
  } finally {
    asker.close();
  }
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Ends the command as failed. */
export function fail(text: string, status: number = exitStatus.failed): undefined {
  process.stderr.write(`trasa-agent: ${cleanText(text, 1000)}\n`);
  process.exitCode = status;
}
