/** The places where the daemon makes its socket and files: none where somebody else could be first. */
import { lstatSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { readSafely } from '../host/safe-open.ts';
import { type IsTrusted, isTrustedOwner, octal, othersCanWrite, walkTo } from '../host/safe-path.ts';
import { type Refused, refuse, refusedBy } from '../host/unsafe-file.ts';
import type { Problem } from './config.ts';
import type { Values } from './options.ts';
import { problemAt } from './problem.ts';
import type { ReadOptions } from './read-options.ts';

export function unsafePlaces(
  file: string,
  { values, lineOf, given }: ReadOptions,
  whose: 'daemon' | 'proxy',
): Problem[] {
  const places = whose === 'daemon' ? placesOfDaemon(values) : placesOfProxy(values);
  const isTrusted = rootOrDaemon();
  return places.flatMap(({ section, name, path, directory }) => {
    const unsafe = path === '' ? undefined : unsafeDirectory(deepestExisting(directory), isTrusted);
    if (unsafe === undefined) return [];
    const line = given.has(`${section}.${name}`) ? lineOf([section, name]) : undefined;
    return [problemAt(file, line, `${name} ${path} ${unsafe.problem.text}`, unsafe.problem.hint)];
  });
}

function placesOfDaemon({ daemon: { socket, stateDirectory, auditFile }, login: { recordDirectory } }: Values) {
  return [
    { section: 'daemon', name: 'socket', path: socket, directory: dirname(socket) },
    { section: 'daemon', name: 'stateDirectory', path: stateDirectory, directory: stateDirectory },
    { section: 'daemon', name: 'auditFile', path: auditFile, directory: dirname(auditFile) },
    { section: 'login', name: 'recordDirectory', path: recordDirectory, directory: recordDirectory },
  ];
}

function placesOfProxy({ proxy: { stateDirectory, auditFile, recordDirectory } }: Values) {
  return [
    { section: 'proxy', name: 'stateDirectory', path: stateDirectory, directory: stateDirectory },
    { section: 'proxy', name: 'auditFile', path: auditFile, directory: dirname(auditFile) },
    { section: 'proxy', name: 'recordDirectory', path: recordDirectory, directory: recordDirectory },
  ];
}

/** What is not there yet will be made by the daemon, in the directory above. */
function deepestExisting(path: string): string {
  try {
    if (path === '/' || lstatSync(path, { throwIfNoEntry: false }) !== undefined) return path;
  } catch {
    return path; // whatever it is, it will be said of this path
  }
  return deepestExisting(dirname(path));
}

/** Stricter than what may lie on the way to a file: in a sticky directory, such as /tmp, anybody can make the first. */
function unsafeDirectory(path: string, isTrusted: IsTrusted): Refused | undefined {
  const walked = walkTo(path, isTrusted);
  if (walked.kind === 'walked') return refuse('not-a-file', `cannot be made: ${path} is not a directory`);
  if (walked.problem.cause !== 'directory') return walked;
  try {
    const { uid, mode } = statSync(path);
    if (!isTrusted(uid))
      return refuse(
        'parent',
        `lies in ${path}, which belongs to user id ${uid}, not to root or the user of the daemon`,
        `chown root ${path}`,
      );
    if (!othersCanWrite(mode)) return undefined;
    const hint = 'move it to a directory that only root, or the user of the daemon, can write';
    return refuse('parent', `lies in ${path}, which others than its owner can write (mode ${octal(mode)})`, hint);
  } catch (error) {
    return refusedBy(error, path);
  }
}

/** The users of daemon and proxy: the one that we are, or, when root checks its configuration, those of the packages. */
function rootOrDaemon(): IsTrusted {
  const passwd = readSafely('/etc/passwd', { maxBytes: 4 * 1024 * 1024 });
  const text = passwd.kind === 'read' ? passwd.text : '';
  const found = [...text.matchAll(/^trasa-(?:agent|proxy):[^:]*:(\d+):/gm)].map(([, uid]) => Number(uid));
  return uid => isTrustedOwner(uid) || found.includes(uid);
}
