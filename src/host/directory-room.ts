import { accessSync, constants, statfsSync } from 'node:fs';

/** How much room there is in a directory for what this process would write. */
export interface DirectoryRoom {
  readonly path: string;
  /** Undefined: it can be written. */
  readonly trouble: string | undefined;
  readonly freeBytes: number;
  /** As many as there can be where the file system does not count them. */
  readonly freeFiles: number;
}

export function directoryRoom(path: string): DirectoryRoom {
  try {
    const { bavail, bsize, files, ffree } = statfsSync(path);
    return {
      path,
      trouble: troubleOf(path),
      freeBytes: bavail * bsize,
      freeFiles: files === 0 ? Number.MAX_SAFE_INTEGER : ffree,
    };
  } catch (error) {
    return { path, trouble: codeOf(error), freeBytes: 0, freeFiles: 0 };
  }
}

/** access(2) says EROFS to root too. */
function troubleOf(path: string): string | undefined {
  try {
    accessSync(path, constants.W_OK);
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
      return 'does not exist';
    case 'EROFS':
      return 'is on a file system that is read-only';
    case 'EACCES':
      return 'must not be written';
    default:
      return `cannot be looked at (${String(code)})`;
  }
}
