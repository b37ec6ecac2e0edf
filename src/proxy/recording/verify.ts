/** Whether recordings are what was recorded. */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { PublicKey } from '../../ssh/public-key.ts';
import { digestOf } from '../../store/recording-journal.ts';
import type { JournalRead, Known } from './journal-lines.ts';
import type { Contents } from './record-file.ts';
import { processStart } from './recorder.ts';
import { isRemoval, readSeal, sealOf } from './seal.ts';
import { lookAt, openRecording, recordingNames } from './shelf.ts';

export interface Place {
  readonly directory: string;
  readonly keys: readonly PublicKey[];
  /** Undefined: it is not at hand, and only seals can be looked at. */
  readonly journal: JournalRead | undefined;
  /** All that the journal knows should be there: it is no copy of some. */
  readonly isWhole: boolean;
}

export interface Verdict {
  readonly file: string;
  /**
   * `sealed`: it is what was recorded. `open`: the session still runs. `cut off`: nobody could seal it. `removed`: taken away
   * by the rules. `tampered`: it is not what was recorded, or is not there.
   */
  readonly state: 'sealed' | 'open' | 'cut off' | 'removed' | 'tampered';
  readonly detail: string;
}

/** Of all that are there, or should be. Throws if the directory cannot be read. */
export function verifyAll(place: Place): Verdict[] {
  const names = new Set(recordingNames(place.directory));
  if (place.isWhole) for (const name of place.journal?.recordings.keys() ?? []) names.add(name);
  return [...names].toSorted().map(name => verifyOne(name, place));
}

export function verifyOne(file: string, place: Place): Verdict {
  const { directory, journal } = place;
  const known = journal?.recordings.get(file);
  const tampered = (detail: string): Verdict => ({ file, state: 'tampered', detail });
  try {
    if (!existsSync(join(directory, file))) {
      if (known?.removed === undefined) return tampered('it is missing');
      const { at, signature } = known.removed;
      if (!isRemoval(file, at, signature, place.keys)) return tampered('it was removed, and not by the proxy');
      return { file, state: 'removed', detail: `by the rules, on ${at}` };
    }
    const hasSeal = Object.values(sealOf(file)).map(name => existsSync(join(directory, name)));
    if (hasSeal.every(has => has)) return verifySealed(file, known, place);
    if (known?.sealed !== undefined) return tampered('its seal is missing');
    if (journal !== undefined && known?.opened === undefined) return tampered('the journal does not know it');
    return unsealed(file, known, place);
  } catch (error) {
    return tampered(error instanceof Error ? error.message : String(error));
  }
}

function verifySealed(file: string, known: Known | undefined, place: Place): Verdict {
  const { directory, keys, journal } = place;
  const names = sealOf(file);
  const statement = readFileSync(join(directory, names.statement));
  const seal = readSeal(file, statement, readFileSync(join(directory, names.signature), 'utf8'), keys);
  if (typeof seal === 'string') {
    // A host that stops in between leaves half a seal, of which the journal has not heard.
    if (journal !== undefined && known?.opened !== undefined && known.sealed === undefined)
      return unsealed(file, known, place);
    return { file, state: 'tampered', detail: seal };
  }
  const fault = sealFault(statement, seal.journal, known, journal) ?? contentFault(directory, file, seal);
  if (fault !== undefined) return { file, state: 'tampered', detail: fault };
  return { file, state: 'sealed', detail: `${seal.bytes} bytes, ${seal.startedAt} to ${seal.endedAt}` };
}

function sealFault(
  statement: Buffer,
  line: string,
  known: Known | undefined,
  journal: JournalRead | undefined,
): string | undefined {
  if (journal === undefined) return undefined;
  if (known?.opened === undefined) return 'the journal does not know it';
  if (known.sealed !== undefined && known.sealed !== digestOf(statement.toString('utf8')))
    return 'its seal is another than the journal knows';
  if (!journal.digests.has(line)) return 'the journal has lost lines that its seal knows of';
  return undefined;
}

function contentFault(directory: string, file: string, sealed: Contents): string | undefined {
  const { bytes, sha256 } = contentsOf(directory, file, Infinity);
  if (bytes !== sealed.bytes) return `it has ${bytes} bytes, and ${sealed.bytes} were sealed`;
  return sha256 === sealed.sha256 ? undefined : 'it differs from what was sealed';
}

/** A beginning that the journal knows must still be there. */
function unsealed(file: string, known: Known | undefined, { directory }: Place): Verdict {
  const { startedAt, lengthMs } = lookAt(directory, file);
  const checkpoint = known?.checkpoint;
  if (checkpoint !== undefined) {
    const now = contentsOf(directory, file, checkpoint.bytes);
    if (now.bytes !== checkpoint.bytes || now.sha256 !== checkpoint.sha256)
      return { file, state: 'tampered', detail: `it is not what it was at ${checkpoint.at}` };
  }
  if (isRunning(known))
    return { file, state: 'open', detail: 'it is not sealed yet: the session runs, or has just ended' };
  const proved = checkpoint === undefined ? 'none of it' : `its first ${checkpoint.bytes} bytes`;
  const last = new Date(startedAt + lengthMs).toISOString();
  return { file, state: 'cut off', detail: `unsealed: cut off at ${last}; the journal vouches for ${proved}` };
}

/** Its process is there, on this host. */
export function isRunning(known: Known | undefined): boolean {
  const opened = known?.opened;
  return opened !== undefined && known?.sealed === undefined && processStart(opened.pid) === opened.processStart;
}

/** Of the beginning of a file, up to so many bytes. */
function contentsOf(directory: string, file: string, limit: number): Contents {
  const fd = openRecording(directory, file);
  const hash = createHash('sha256');
  const buffer = Buffer.alloc(1024 * 1024);
  let bytes = 0;
  try {
    while (bytes < limit) {
      const count = readSync(fd, buffer, 0, Math.min(buffer.length, limit - bytes), bytes);
      if (count === 0) break;
      hash.update(buffer.subarray(0, count));
      bytes += count;
    }
  } finally {
    closeSync(fd);
  }
  return { bytes, sha256: hash.digest('hex') };
}
