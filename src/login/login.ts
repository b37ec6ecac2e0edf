/** `trasa-agent login`, the ForceCommand of sshd: asks the daemon, and becomes the shell if the daemon says so. */

import { replaceStandardError, say, writeAll } from '../host/say.ts';
import { exitStatus } from '../policy/refusals.ts';
import { parseArguments, usage } from './arguments.ts';
import { enter } from './enter.ts';
import { openEntrance } from './entrance.ts';

/** Returns the exit status of what did not become a session. */
export async function login(argv: readonly string[]): Promise<number> {
  const args = parseArguments(argv);
  switch (args.kind) {
    case 'help':
      writeAll(1, usage);
      return 0;
    case 'wrong':
      writeAll(2, `trasa-agent login: ${args.problem}\n${usage}`);
      return exitStatus.usage;
    case 'recorded-shell': {
      const { runRecordedShell } = await import('./recorded-shell.ts');
      return await runRecordedShell(args.words);
    }
    case 'login':
      break;
  }
  replaceStandardError();
  const entrance = await openEntrance(args.socket);
  if (entrance === undefined) {
    say('This host cannot look up your account. Tell your administrator.');
    return exitStatus.unavailable;
  }
  return await enter(entrance);
}
