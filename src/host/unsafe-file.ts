/** Why a file was not read, in words that follow its name: "/etc/x is a directory". */
export interface UnsafeFile {
  readonly cause: UnsafeCause;
  readonly text: string;
  readonly hint?: string;
  /** Of a fault in the contents. */
  readonly line?: number;
}

export type UnsafeCause =
  | 'missing'
  | 'unreadable'
  | 'directory'
  | 'not-a-file'
  | 'symlink' // leads nowhere, or through a place that others can change
  | 'owner'
  | 'mode'
  | 'parent' // lies in a place that others can change
  | 'too-large'
  | 'not-utf-8'
  | 'changed'; // while it was being read

export interface Refused {
  readonly kind: 'refused';
  readonly problem: UnsafeFile;
}

export function refuse(cause: UnsafeCause, text: string, hint?: string, line?: number): Refused {
  return {
    kind: 'refused',
    problem: { cause, text, ...(hint === undefined ? {} : { hint }), ...(line === undefined ? {} : { line }) },
  };
}

/** The same from a system call's error. `path` is the file or directory that was asked for. */
export function refusedBy(error: unknown, path: string): Refused {
  const code = errnoOf(error);
  if (code === undefined) throw error;
  const user = `user id ${process.geteuid?.() ?? 'unknown'}`;
  switch (code) {
    case 'ENOENT':
      return refuse('missing', 'does not exist');
    case 'EACCES':
    case 'EPERM':
      return refuse(
        'unreadable',
        `cannot be read by ${user}: no permission for ${path}`,
        'let the group of the reader read it (chgrp, chmod g+r), and search its directories (chmod g+x)',
      );
    case 'ELOOP':
      return refuse('symlink', 'became a symbolic link while it was being opened');
    default:
      return refuse('unreadable', `cannot be read by ${user}: ${code} for ${path}`);
  }
}

function errnoOf(error: unknown): string | undefined {
  const isSystemError = error instanceof Error && 'syscall' in error && 'code' in error;
  return isSystemError && typeof error.code === 'string' ? error.code : undefined;
}
