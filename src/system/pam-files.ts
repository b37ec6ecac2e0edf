/** The files of pam.d(5) on this host. */
import { join } from 'node:path';
import { type PamService, parseService, type ReadPamFile } from './pam-stack.ts';
import { readText } from './read-text.ts';

/** In the order in which libpam looks. */
export const pamDirectories: readonly string[] = ['/etc/pam.d', '/usr/lib/pam.d'];

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
