import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';

/** Makes a file of mode 0600, whole or not at all. If there is one by now, that stays. */
export function makePrivateFile(path: string, text: string): void {
  const draft = writeDraft(path, text);
  try {
    linkSync(draft, path); // unlike rename, fails if another program was quicker
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    unlinkSync(draft);
  }
}

/** The same, in the place of an older one. */
export function replacePrivateFile(path: string, text: string): void {
  renameSync(writeDraft(path, text), path);
}

export function fileExists(path: string): boolean {
  return existsSync(path);
}

function writeDraft(path: string, text: string): string {
  const draft = `${path}.${process.pid}.new`;
  const fd = openSync(draft, 'wx', 0o600);
  try {
    writeFileSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  return draft;
}
