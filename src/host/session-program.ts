/**
 * What sshd would have started, had there been no forced command (session.c: do_exec, do_child). Pure.
 * All strings are bytes, one per character (latin1): a client's command and environment need not be UTF-8.
 */

/** What sshd executes: a file, and its argv from argv[0] on. */
export interface SessionProgram {
  readonly file: string;
  readonly argv: readonly string[];
}

/** @param command untrusted: the client's SSH_ORIGINAL_COMMAND, to be run as it is; undefined: it asked for a shell */
export function shellProgram(shell: string, command: string | undefined): SessionProgram {
  const file = shell === '' ? '/bin/sh' : shell; // passwd(5)
  const name = file.slice(file.lastIndexOf('/') + 1);
  return { file, argv: command === undefined ? [`-${name}`] : [name, '-c', command] };
}

/** The words of an `internal-sftp` subsystem; sshd splits them at blanks, without a shell. Undefined: another command. */
export function internalSftpArguments(command: string | undefined): string[] | undefined {
  const [name, ...words] = (command ?? '').split(/[ \t]+/);
  return name === 'internal-sftp' ? words.filter(word => word !== '') : undefined;
}

const ours = 'SSH_ORIGINAL_COMMAND';

/**
 * Variables that the shell between sshd and us adds (bash: PWD, SHLVL, _; zsh: these and OLDPWD; dash and fish: PWD).
 * sshd sets none of them, and a SetEnv SHLVL=2 is there to keep bash from its start-up files while it is in between.
 * The shell that follows makes its own.
 */
const shells = ['PWD', 'OLDPWD', 'SHLVL', '_'];

export interface Environment {
  /** `NAME=value` each, as the session is to have it. */
  readonly entries: readonly string[];
  readonly originalCommand: string | undefined;
}

/** @param entries `NAME=value` each, as we were given it */
export function sessionEnvironment(entries: readonly string[]): Environment {
  const dropped = new Set([ours, ...shells]);
  return {
    entries: entries.filter(entry => !dropped.has(nameOf(entry))),
    originalCommand: entries.find(entry => nameOf(entry) === ours)?.slice(ours.length + 1),
  };
}

function nameOf(entry: string): string {
  const end = entry.indexOf('=');
  return end === -1 ? entry : entry.slice(0, end);
}
