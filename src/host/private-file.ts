/** Files that are written whole or not at all, whatever happens in between. */
import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Makes a file of mode 0600. If there is one by now, that stays, and the answer is false. */
export function makePrivateFile(path: string, content: string | Buffer): boolean {
  const draft = writeDraft(path, content, 0o600);
  try {
    linkSync(draft, path); // unlike rename, fails if another program was quicker
    syncDirectory(path);
    return true;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    return false;
  } finally {
    unlinkSync(draft);
  }
}

/** The same, in the place of an older one. */
export function replacePrivateFile(path: string, text: string): void {
  replaceFile(path, text, 0o600);
}

/** For what others may read. */
export function replaceFile(path: string, content: string | Buffer, mode: number): void {
  moveFile(writeDraft(path, content, mode), path);
}

/** In the place of what is there, if anything. */
export function moveFile(from: string, to: string): void {
  renameSync(from, to);
  syncDirectory(to);
}

export function fileExists(path: string): boolean {
  return existsSync(path);
}

function writeDraft(path: string, content: string | Buffer, mode: number): string {
  const draft = `${path}.${process.pid}.new`;
  const fd = openSync(draft, 'wx', mode);
  try {
    writeFileSync(fd, content);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  return draft;
}

/** What is not in the directory on disk is gone when the power fails. */
export function syncDirectory(path: string): void {
  const fd = openSync(dirname(path), 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
