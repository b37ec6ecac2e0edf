import { accessSync, constants, statfsSync } from 'node:fs';
import type { DirectoryFacts } from '../facts.ts';

export function gatherDirectory(path: string): DirectoryFacts {
  try {
    const { bavail, bsize, files, ffree } = statfsSync(path);
    return { path, trouble: troubleOf(path), freeBytes: bavail * bsize, freeFiles: files === 0 ? Infinity : ffree };
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
