import { accessSync, constants, writeSync } from 'node:fs';
import type { Inheritance } from './inheritance.ts';
import type { UserRecord } from './lookup.ts';
import { native } from './native.ts';
import { internalSftpArguments, type SessionProgram, sessionEnvironment, shellProgram } from './session-program.ts';

/** Where distributions keep it: Debian, Fedora and SUSE (older and newer), Arch. */
export const usualSftpServers = [
  '/usr/lib/openssh/sftp-server',
  '/usr/libexec/openssh/sftp-server',
  '/usr/lib/ssh/sftp-server',
  '/usr/libexec/ssh/sftp-server',
];

/**
 * Becomes what sshd would have started: the account's login shell, `shell -c` with the client's command, or an
 * sftp-server in the place of sshd's internal one. Nothing of this process is left in it.
 *
 * If that cannot be, says so on standard error and exits like a shell: 127 for what is not there, else 126.
 *
 * @param sftpServer what `internal-sftp` becomes; empty: the first of the usual places
 */
export function becomeShell(user: UserRecord, sftpServer: string, inheritance: Inheritance): never {
  const { entries, originalCommand } = sessionEnvironment(native().environment().split('\0').slice(0, -1));
  const sftpArguments = internalSftpArguments(originalCommand);
  const program =
    sftpArguments === undefined
      ? shellProgram(bytesOf(user.shell), originalCommand)
      : sftpProgram(bytesOf(sftpServer), sftpArguments);
  if (program === undefined) fail(127, 'no sftp-server was found; the administrator can name one (sftpServer)');

  try {
    return native().execute(
      terminated([program.file, ...program.argv]),
      terminated(entries),
      inheritance.ignoredSignals,
      inheritance.openFiles,
    );
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    fail('code' in error && error.code === 'ENOENT' ? 127 : 126, `cannot start ${error.message}`);
  }
}

function sftpProgram(configured: string, words: readonly string[]): SessionProgram | undefined {
  const file = configured === '' ? usualSftpServers.find(isExecutable) : configured;
  return file === undefined ? undefined : { file, argv: [file, ...words] };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function fail(status: number, text: string): never {
  try {
    writeSync(2, `trasa-agent: ${text}\n`);
  } catch {
    // nobody listens any more
  }
  process.exit(status);
}

/** None of these strings has a NUL in it: they come from the environment, passwd(5) and the configuration. */
function terminated(strings: readonly string[]): string {
  return strings.map(string => `${string}\0`).join('');
}

function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
