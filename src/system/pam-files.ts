/** The files of pam.d(5) on this host. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PamService, parseService, type ReadPamFile } from './pam-stack.ts';

/** In the order in which libpam looks. */
export const pamDirectories: readonly string[] = ['/etc/pam.d', '/usr/lib/pam.d'];

const maxBytes = 256 * 1024;

/** The stacks of a service, as libpam would build them now. */
export function loadService(name: string, directories: readonly string[] = pamDirectories): PamService {
  return parseService(name, filesOf(directories));
}

/** One that cannot be read, or is no regular file of a size to be read, counts as not there. */
function filesOf(directories: readonly string[]): ReadPamFile {
  return name => {
    const files = name.startsWith('/') ? [name] : directories.map(directory => join(directory, name));
    for (const file of files) {
      const text = readText(file);
      if (text !== undefined) return { file, text };
    }
    return undefined;
  };
}

/** libpam reads bytes, and so do we: a comment may be in any encoding. */
function readText(file: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return undefined;
  }
  try {
    const found = fstatSync(fd);
    return found.isFile() && found.size <= maxBytes ? readFileSync(fd, 'latin1') : undefined;
  } catch {
    return undefined; // EIO, or gone meanwhile
  } finally {
    closeSync(fd);
  }
}
