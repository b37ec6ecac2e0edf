import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

/** A directory with a short name: the path of a Unix socket has 107 bytes at most, which t.testdir() exceeds. */
export function tempDirectory(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'trasa-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
