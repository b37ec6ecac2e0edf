import { lstatSync, readdirSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Type and mode, owner, group, size and name of each path and of what lies in it; not what is in the files. */
export function fileLines(paths: readonly string[]): readonly string[] {
  return paths.flatMap(path => [lineOf(path), ...entriesOf(path).map(name => lineOf(join(path, name)))]);
}

/** Free space where a path lies. */
export function spaceLine(path: string): string {
  try {
    const { bsize, blocks, bavail, files, ffree } = statfsSync(path);
    const mebibytes = (count: number): number => Math.floor((count * bsize) / 1024 ** 2);
    return `${path}: ${mebibytes(bavail)} of ${mebibytes(blocks)} MiB and ${ffree} of ${files} inodes free`;
  } catch (error) {
    return path === '/' ? `/: ${String(error)}` : spaceLine(dirname(path));
  }
}

const maxEntries = 100;

function entriesOf(path: string): readonly string[] {
  try {
    return readdirSync(path).toSorted().slice(0, maxEntries);
  } catch {
    return []; // no directory, or none of ours to look into; its own line says what it is
  }
}

function lineOf(path: string): string {
  try {
    const { mode, uid, gid, size, mtime } = lstatSync(path);
    return `${mode.toString(8)} ${uid}:${gid} ${size} ${mtime.toISOString()} ${path}`;
  } catch (error) {
    return `${path}: ${error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'}`;
  }
}
