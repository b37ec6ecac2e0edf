/** The way to a file, name by name, as the kernel would go it (path_resolution(7)), refused if others can bend it. */
import { lstatSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Refused, refuse, refusedBy } from './unsafe-file.ts';

const maxLinks = 40; // path_resolution(7): MAXSYMLINKS

/**
 * The file's path free of symbolic links. It existed, and was a regular file, when it was looked at.
 *
 * @param isTrusted may this user own a directory on the way?
 */
export function walkTo(
  path: string,
  isTrusted: IsTrusted = isTrustedOwner,
): { readonly kind: 'walked'; readonly path: string } | Refused {
  const names = (path.startsWith('/') ? path : `${process.cwd()}/${path}`).split('/');
  let here = '/';
  let at = lstatSync('/');
  let link = '';
  let links = 0;

  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    if (name === '' || name === '.') continue;
    const unsafe = unsafeDirectory(here, at, link, isTrusted);
    if (unsafe !== undefined) return unsafe;
    const next = name === '..' ? dirname(here) : join(here, name);
    try {
      const entry = lstatSync(next);
      // Sticky (as /tmp): others cannot rename or remove what is not theirs, so a directory of ours in it stands firm.
      // A file there may be a hard link that somebody planted, and a link may be anybody's: refused.
      if (name !== '..' && othersCanWrite(at.mode) && !entry.isDirectory()) return writable(here, at.mode, link);
      if (entry.isSymbolicLink()) {
        links += 1;
        if (links > maxLinks) return refuse('symlink', `goes through more than ${maxLinks} symbolic links`);
        link = next;
        const target = readlinkSync(next);
        names.unshift(...target.split('/'));
        if (target.startsWith('/')) {
          here = '/';
          at = lstatSync('/');
        }
        continue;
      }
      here = next;
      at = entry;
    } catch (error) {
      const refused = refusedBy(error, next);
      if (refused.problem.cause !== 'missing') return refused;
      if (link !== '')
        return refuse('symlink', `leads through the symbolic link ${link} to ${next}, which is not there`);
      return next === path ? refused : refuse('missing', `does not exist (there is no ${next})`);
    }
  }
  if (at.isDirectory()) return refuse('directory', 'is a directory');
  if (!at.isFile()) return refuse('not-a-file', 'is not a regular file');
  return { kind: 'walked', path: here };
}

export type IsTrusted = (uid: number) => boolean;

interface Entry {
  readonly uid: number;
  readonly mode: number;
  isDirectory(): boolean;
}

function unsafeDirectory(path: string, entry: Entry, link: string, isTrusted: IsTrusted): Refused | undefined {
  if (!entry.isDirectory()) return refuse('missing', `does not exist (${path} is not a directory)`);
  const isSticky = (entry.mode & 0o1000) !== 0;
  if (!isTrusted(entry.uid))
    return place(path, link, `which belongs to user id ${entry.uid}, not to root`, `chown root ${path}`);
  return othersCanWrite(entry.mode) && !isSticky ? writable(path, entry.mode, link) : undefined;
}

function writable(path: string, mode: number, link: string): Refused {
  const isSticky = (mode & 0o1000) !== 0; // such as /tmp: not to be narrowed
  const hint = isSticky ? 'move it to a directory that only root can write' : `chmod go-w ${path}`;
  return place(path, link, `which others than its owner can write (mode ${octal(mode)})`, hint);
}

function place(path: string, link: string, which: string, hint: string): Refused {
  return link === ''
    ? refuse('parent', `lies in ${path}, ${which}`, hint)
    : refuse('symlink', `leads through the symbolic link ${link} into ${path}, ${which}`, hint);
}

/** Root, or the user that this process runs as: whoever is one of them can do all that this process can. */
export function isTrustedOwner(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.();
}

export function othersCanWrite(mode: number): boolean {
  return (mode & 0o022) !== 0;
}

export function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}
