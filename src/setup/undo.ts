/** Puts every file back, as the journal has it. May be stopped at any point, and be done again from the beginning. */
import { basename, join } from 'node:path';
import type { Change } from './journal.ts';
import { takePamLines } from './pam-block.ts';
import { clearDraft, type Image, makePrivateDirectory, placeFile, readImage, sameImage } from './place-file.ts';

/**
 * @param saved where to put what somebody else has written meanwhile
 * @param afterFile for tests
 * @returns what the administrator should hear of
 */
export function undo(changes: readonly Change[], saved: string, afterFile: (path: string) => void): string[] {
  const said: string[] = [];
  for (const { path, before, after } of changes.toReversed()) {
    const found = readImage(path);
    clearDraft(path);
    if (!sameImage(found, before)) {
      if (found === undefined || sameImage(found, after)) placeFile(path, before);
      else said.push(undoChanged(path, found, before, saved));
    }
    afterFile(path);
  }
  return said;
}

/** Somebody has changed the file since. Of PAM's the rest is kept; of any other a copy is. */
function undoChanged(path: string, found: Image, before: Image | undefined, saved: string): string {
  const text = found.bytes.toString('latin1');
  const without = takePamLines(text);
  if (before !== undefined && without !== text) {
    placeFile(path, { ...found, bytes: Buffer.from(without, 'latin1') });
    return `${path} was changed by somebody else meanwhile: only our lines were taken out`;
  }
  makePrivateDirectory(saved);
  const copy = join(saved, basename(path));
  placeFile(copy, { ...found, mode: 0o600 });
  placeFile(path, before);
  return `${path} was changed by somebody else meanwhile: a copy of that is ${copy}`;
}
