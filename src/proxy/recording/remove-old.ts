import { existsSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as round } from 'node:timers/promises';
import { timeOfUlid } from '../../auth/ulid.ts';
import type { CaSigner } from '../../ssh/sign-certificate.ts';
import type { RecordingJournal } from '../../store/recording-journal.ts';
import { type Known, readJournal } from './journal-lines.ts';
import { sealOf, signRemoval } from './seal.ts';
import { lookAt, type Recorded, recordingNames } from './shelf.ts';
import { isRunning } from './verify.ts';

interface RemovalParts {
  readonly directory: string;
  readonly days: number;
  readonly journal: Pick<RecordingJournal, 'append' | 'pages'>;
  readonly signer: CaSigner;
}

const dayMs = 86_400_000;

/**
 * Takes away what ended more than so many days ago. The journal hears of it first, so that a recording that is gone by the rules
 * can be told from one that somebody took. Between any two people in sessions have their turn: there may be hundreds of
 * thousands of recordings, and years of the journal.
 *
 * @returns how many there were. Throws if one cannot be removed
 */
export async function removeOld({ directory, days, journal, signer }: RemovalParts, now: number): Promise<number> {
  if (!existsSync(directory)) return 0;
  const latest = now - days * dayMs;
  let count = 0;
  for (const file of recordingNames(directory)) {
    if (timeOfUlid(file) > latest) break; // so are all that follow
    await round();
    const { startedAt, lengthMs, isSealed } = lookIfThere(directory, file) ?? nothing;
    const isOld = startedAt > 0 && startedAt + lengthMs <= latest;
    if (!isOld) continue;
    if (!isSealed && isRunning(await knownOf(file, journal))) continue; // somebody may be silent for days
    const at = new Date(now).toISOString();
    const signature = await signRemoval(file, at, signer);
    if (!existsSync(join(directory, file))) continue;
    journal.append({ event: 'removed', at, file, days, signature }, true);
    for (const name of [file, ...Object.values(sealOf(file))]) remove(join(directory, name));
    count++;
  }
  return count;
}

const nothing = { startedAt: 0, lengthMs: 0, isSealed: false };

/** What the journal says of it. */
async function knownOf(file: string, journal: RemovalParts['journal']): Promise<Known | undefined> {
  const about: string[] = [];
  for (const page of journal.pages()) {
    about.push(...page.filter(line => line.includes(`"file":"${file}"`)));
    await round();
  }
  return readJournal(about).recordings.get(file);
}

/** Undefined: it is not there any more. Another process of this proxy may do the same at the same moment. */
function lookIfThere(directory: string, file: string): Recorded | undefined {
  try {
    return lookAt(directory, file);
  } catch (error) {
    if (existsSync(join(directory, file))) throw error;
    return undefined;
  }
}

/** Likewise. */
function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (existsSync(path)) throw error;
  }
}
