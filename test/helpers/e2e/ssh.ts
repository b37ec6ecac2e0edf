/** OpenSSH's own clients against a test sshd. */
import { type Finished, run, type StartOptions } from './background.ts';
import type { Sshd } from './sshd.ts';
import { Terminal } from './terminal.ts';

/** `ssh user@target WORDS…` without a terminal. */
export async function ssh(
  sshd: Sshd,
  user: string,
  words: readonly string[] = [],
  options?: StartOptions,
): Promise<Finished> {
  return await run(['ssh', '-F', sshd.configFile, `${user}@target`, ...words], options);
}

/** scp or sftp; the far side is `user@target:path`. */
export async function copy(
  sshd: Sshd,
  program: 'scp' | 'sftp',
  words: readonly string[],
  options?: StartOptions,
): Promise<Finished> {
  return await run([program, '-F', sshd.configFile, ...words], options);
}

/** `ssh -tt user@target WORDS…` on a terminal of its own. */
export function sshTerminal(
  sshd: Sshd,
  user: string,
  words: readonly string[] = [],
  flags: readonly string[] = ['-tt'],
): Terminal {
  return new Terminal(['ssh', '-F', sshd.configFile, ...flags, `${user}@target`, ...words]);
}
