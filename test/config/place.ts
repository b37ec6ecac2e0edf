import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Test } from 'tap';

/** A new directory that others can search and only we can write, removed after the test. */
export function privateDirectory(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'trasa-agent-'));
  chmodSync(directory, 0o755);
  t.teardown(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** Writes a file with just this mode, whatever the umask, and the directories that it needs. */
export function put(path: string, text: string | Uint8Array, mode = 0o640): string {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

export const isRoot = process.geteuid?.() === 0;
/** For tests that must give files away or become somebody else. */
export const needsRoot = isRoot ? false : 'needs root';

/** Runs `work` with another effective user id, with none of root's powers. */
export function asUser<T>(uid: number, work: () => T): T {
  process.seteuid?.(uid);
  try {
    return work();
  } finally {
    process.seteuid?.(0);
  }
}
