/**
 * The shell of a recorded session, started by the recorder in its pty. node-pty cannot set argv[0], and the recorder's
 * own signals and limits are Node's; so the recorder starts this program once more, which then becomes the shell.
 *
 * SECURITY NOTE: this asks nobody. It need not: it gives the account a shell that runs as the account, which whoever can
 * start it has already. All the same it refuses to run for anybody but a recorder, so that it is of no use as
 * a ForceCommand.
 */
import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import type { Inheritance } from '../host/inheritance.ts';
import { say } from '../host/say.ts';
import { becomeShell } from '../host/shell.ts';
import { currentUser } from '../host/user.ts';
import { exitStatus } from '../policy/refusals.ts';
import { recordedShellFlag } from './arguments.ts';

export interface RecordedShell {
  readonly inheritance: Inheritance;
  readonly sftpServer: string;
  /** Settings of the person's terminal, as `stty -g` writes them; empty: leave the new terminal's. */
  readonly modes: string;
}

/** The command line that {@link runRecordedShell} understands. */
export function recordedShellArguments({ inheritance, sftpServer, modes }: RecordedShell): string[] {
  const { openFiles, ignoredSignals } = inheritance;
  return ['login', recordedShellFlag, String(openFiles), String(ignoredSignals), modes, sftpServer];
}

/** Returns an exit status only if there is no shell to become. */
export async function runRecordedShell(words: readonly string[]): Promise<number> {
  const [openFiles, ignoredSignals, modes = '', sftpServer = ''] = words;
  if (words.length !== 4 || !isStartedByRecorder()) {
    say(`${recordedShellFlag} is for a recording agent only`);
    return exitStatus.usage;
  }
  const user = await currentUser(process.env['LOGNAME']);
  if (user === undefined) return exitStatus.unavailable;
  setModes(modes);
  becomeShell(user, sftpServer, { openFiles: Number(openFiles), ignoredSignals: Number(ignoredSignals) });
}

/** Our parent runs the same program. */
function isStartedByRecorder(): boolean {
  try {
    return readlinkSync(`/proc/${process.ppid}/exe`) === readlinkSync('/proc/self/exe');
  } catch {
    return false;
  }
}

/** The PATH that stty(1) is looked for in: not the user's, who may have one of his own. */
export const systemPath = { PATH: '/usr/bin:/bin' };

function setModes(modes: string): void {
  if (modes !== '') spawnSync('stty', [modes], { stdio: ['inherit', 'ignore', 'ignore'], env: systemPath });
}
