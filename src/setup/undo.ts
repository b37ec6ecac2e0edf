/** Puts every file back, as the journal has it. May be stopped at any point, and be done again from the beginning. */
import { basename, join } from 'node:path';
import { type Trouble, trouble } from './host.ts';
import type { Change } from './journal.ts';
import { takePamLines } from './pam-block.ts';
import {
  clearDraft,
  type Image,
  makePrivateDirectory,
  NotPlaced,
  placeFile,
  readImage,
  sameImage,
} from './place-file.ts';

export interface Undone {
  /** What the administrator should hear of. */
  readonly notes: readonly string[];
  /** Files that could not be put back; the others are. */
  readonly troubles: readonly Trouble[];
}

/**
 * @param saved where to put what somebody else has written meanwhile
 * @param afterFile for tests
 */
export function undo(changes: readonly Change[], saved: string, afterFile: (path: string) => void): Undone {
  const notes: string[] = [];
  const troubles: Trouble[] = [];
  for (const change of changes.toReversed()) {
    try {
      notes.push(...undoOne(change, saved));
    } catch (error) {
      if (!(error instanceof NotPlaced)) throw error;
      troubles.push(trouble(error.message, 'then run: trasa-agent setup --revert'));
    }
    afterFile(change.path);
  }
  return { notes, troubles };
}

function undoOne({ path, before, after }: Change, saved: string): string[] {
  const found = readImage(path);
  clearDraft(path);
  if (sameImage(found, before)) return [];
  if (found !== undefined && !sameImage(found, after)) return [undoChanged(path, found, before, saved)];
  placeFile(path, before);
  return [];
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
