import { existsSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { RecordingJournal } from '../../store/recording-journal.ts';
import { readJournal } from './journal-lines.ts';
import { sealOf } from './seal.ts';
import { lookAt, recordingNames } from './shelf.ts';
import { isRunning } from './verify.ts';

const dayMs = 86_400_000;

/**
 * Takes away what ended more than so many days ago. The journal hears of it first, so that a recording that is gone by the rules
 * can be told from one that somebody took.
 *
 * @returns how many there were. Throws if one cannot be removed
 */
export function removeOld(directory: string, days: number, journal: RecordingJournal, now: number): number {
  if (!existsSync(directory)) return 0;
  const known = readJournal(journal.lines()).recordings;
  let count = 0;
  for (const file of recordingNames(directory)) {
    const { startedAt, lengthMs } = lookAt(directory, file);
    if (startedAt === 0 || startedAt + lengthMs > now - days * dayMs) continue;
    if (isRunning(known.get(file))) continue; // somebody may be silent for days
    journal.append({ event: 'removed', at: new Date(now).toISOString(), file, days }, true);
    for (const name of [file, ...Object.values(sealOf(file))]) remove(join(directory, name));
    count++;
  }
  return count;
}

/** Another process of this proxy may do the same at the same moment. */
function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (existsSync(path)) throw error;
  }
}
