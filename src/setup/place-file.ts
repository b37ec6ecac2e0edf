/** Files as they were, and as they shall be: whole or not at all, on disk before anybody goes on. */
import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** A file with all that has to come back with it. Bytes, since nobody promises that it is text. */
export interface Image {
  readonly bytes: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Undefined: there is no such file. Throws {@link NotPlaced} for what is no regular file: a symbolic link is somebody's
 * arrangement, which a rename would end.
 */
export function readImage(path: string): Image | undefined {
  return orNotPlaced(path, () => {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    if (!stat.isFile()) throw new Error('is not a regular file');
    return { bytes: readFileSync(path), mode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid };
  });
}

/** Root's alone, if it has to be made. Throws {@link NotPlaced}. */
export function makePrivateDirectory(path: string): void {
  orNotPlaced(path, () => {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) mkdirSync(path, { mode: 0o700 });
  });
}

/** Throws {@link NotPlaced} with the reason if it cannot be; then the file is as it was. */
export function placeFile(path: string, image: Image | undefined): void {
  clearDraft(path);
  orNotPlaced(path, () => {
    if (image === undefined) rmSync(path, { force: true });
    else {
      makeDirectory(dirname(path));
      try {
        writeDraft(draftOf(path), image);
        renameSync(draftOf(path), path);
      } finally {
        rmSync(draftOf(path), { force: true }); // it is there only if the disk is full
      }
    }
    syncDirectory(dirname(path));
  });
}

/** Gives a file that is on disk this name too, unless another has it: false. */
export function placeNew(file: string, path: string): boolean {
  try {
    linkSync(file, path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw new NotPlaced(`${path}: ${String(error)}`);
  }
  syncDirectory(dirname(path));
  return true;
}

function orNotPlaced<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new NotPlaced(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** What a power cut may have left beside the file. */
export function clearDraft(path: string): void {
  orNotPlaced(path, () => rmSync(draftOf(path), { force: true }));
}

/** False: there is none, or somebody else has renamed it first. */
export function renameFile(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw new NotPlaced(String(error));
  }
}

export class NotPlaced extends Error {
  override readonly name = 'NotPlaced';
}

/** A file of root's. */
export function rootsFile(text: string, mode = 0o644): Image {
  return { bytes: Buffer.from(text), mode, uid: 0, gid: 0 };
}

export function sameImage(one: Image | undefined, other: Image | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  const isAlike = one.mode === other.mode && one.uid === other.uid && one.gid === other.gid;
  return isAlike && one.bytes.equals(other.bytes);
}

/** Neither sshd (*.conf) nor PAM would read it. It has one name, so that what a power cut leaves is cleared away. */
function draftOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.trasa-setup`);
}

function writeDraft(draft: string, { bytes, mode, uid, gid }: Image): void {
  const fd = openSync(draft, 'wx', 0o600);
  try {
    writeFileSync(fd, bytes);
    chownSync(draft, uid, gid);
    chmodSync(draft, mode); // after chown, which takes bits away
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function makeDirectory(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return;
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o755); // whatever the umask: the daemon has to find its configuration
  syncDirectory(dirname(path));
}

function syncDirectory(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return; // what was to be taken away was never there
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
