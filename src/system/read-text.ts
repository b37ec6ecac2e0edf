import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

const maxBytes = 256 * 1024;

/**
 * A configuration file of somebody else's, as bytes (latin1): a comment may be in any encoding. Undefined if it cannot be
 * read, or is no regular file of at most 256 KiB.
 */
export function readText(file: string): string | undefined {
  try {
    const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
      const found = fstatSync(fd);
      return found.isFile() && found.size <= maxBytes ? readFileSync(fd, 'latin1') : undefined;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}
