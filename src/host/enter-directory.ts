import { lstatSync } from 'node:fs';
import { becomeUser } from './become-user.ts';

/**
 * Before a service's own directory is worked in: called by root, for a directory that another user owns, this process
 * becomes that user for good. So nothing in it turns root's, and root follows no link that was planted there.
 *
 * @returns what is wrong with it, one line for an administrator
 */
export function enterDirectory(directory: string): string | undefined {
  try {
    const entry = lstatSync(directory);
    if (!entry.isDirectory()) return `${directory}: is not a directory`;
    if ((entry.mode & 0o077) !== 0) return `${directory}: can be entered by others than its owner (chmod 0700)`;
    if (process.geteuid?.() === 0 && entry.uid !== 0) becomeUser(entry);
    if (entry.uid !== process.geteuid?.()) return `${directory}: belongs to another user (id ${entry.uid})`;
    return undefined;
  } catch (error) {
    return `${directory}: ${error instanceof Error ? error.message : String(error)}`;
  }
}
