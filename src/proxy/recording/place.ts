/** Where recordings are looked at: at the proxy itself, or a copy of some of them elsewhere. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parsePublicKeyLine } from '../../ssh/key-line.ts';
import type { PublicKey } from '../../ssh/public-key.ts';
import { RecordingJournal } from '../../store/recording-journal.ts';
import { readJournal } from './journal-lines.ts';
import { signingKeyName } from './open-recorder.ts';
import { namedRecordings, recordingNames } from './shelf.ts';
import { type Place, type Verdict, verifyAll, verifyOne } from './verify.ts';

/**
 * At the proxy. Throws if something is not there.
 *
 * @param keyFile of the public key, if it is not the proxy's own
 */
export function placeOfProxy(stateDirectory: string, directory: string, keyFile?: string): Place {
  const keys = publicKeysIn(keyFile ?? join(stateDirectory, `${signingKeyName}.pub`));
  return { directory, keys, journal: readJournal(journalLines(stateDirectory)), isWhole: true };
}

/** A copy, as `recordings export` makes one. Throws if something is not there. */
export function placeOfCopy(directory: string, keyFile: string): Place {
  const journal = join(directory, 'journal.jsonl');
  const lines = existsSync(journal) ? readFileSync(journal, 'utf8').split('\n').slice(0, -1) : undefined;
  const known = lines === undefined ? undefined : readJournal(lines);
  return { directory, keys: publicKeysIn(keyFile), journal: known, isWhole: false };
}

/** What a place has is of no use. */
class PlaceError extends Error {
  override readonly name = 'PlaceError';
  readonly code = 'ERR_PLACE';
}

/** Throws if it cannot be read, but not if nothing was ever recorded. */
export function journalLines(stateDirectory: string): readonly string[] {
  let journal: RecordingJournal | undefined;
  try {
    journal = new RecordingJournal(stateDirectory);
    return [...journal.lines()];
  } catch (error) {
    throw new PlaceError(error instanceof Error ? error.message : String(error), { cause: error });
  } finally {
    journal?.close();
  }
}

/** A file of public keys, one a line, as `.pub` files and allowed_signers of ssh-keygen(1) have them. */
export function publicKeysIn(file: string): PublicKey[] {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter(line => /\S/.test(line));
  return lines.map(line => {
    const read = parsePublicKeyLine(line.replace(/^\S+ namespaces="[^"]*" /, ''));
    if (read.kind === 'parsed') return read.value.key;
    throw new PlaceError(`${file}: ${read.text}`);
  });
}

/** Those that are meant by names and ids; all, if there are none. A string says which is of none. */
export function chosen(directory: string, names: readonly string[]): string[] | string {
  if (names.length === 0) return recordingNames(directory);
  const found = names.map(name => namedRecordings(directory, name));
  const missing = names.find((_, i) => found[i]?.length === 0);
  return missing === undefined ? [...new Set(found.flat())] : `there is no recording ${missing} in ${directory}`;
}

export interface Verification {
  readonly verdicts: readonly Verdict[];
  /** What is wrong with the journal. */
  readonly faults: readonly string[];
  /** 0: all are in order. 1: some were cut off. 2: worse. */
  readonly status: 0 | 1 | 2;
}

/**
 * @param names of recordings, or ids of sessions; none: all that are there, or should be
 * @param head a line of the journal that somebody else has kept
 */
export function verification(place: Place, names: readonly string[], head: string | undefined): Verification {
  const { journal, directory } = place;
  const verdicts =
    names.length === 0
      ? verifyAll(place)
      : names.flatMap(name => {
          const known = [...(journal?.recordings.keys() ?? []), ...namedRecordings(directory, name)];
          const meant = new Set(known.filter(file => file === name || file.startsWith(`${name}-`)));
          return [...(meant.size === 0 ? [name] : meant)].map(file => verifyOne(file, place));
        });
  const faults = journal?.fault === undefined ? [] : [journal.fault];
  if (head !== undefined && journal?.digests.has(head) !== true)
    faults.push('the journal does not have that line (--head)');
  const isBad = faults.length > 0 || verdicts.some(({ state }) => state === 'tampered');
  const isCut = verdicts.some(({ state }) => state === 'cut off');
  return { verdicts, faults, status: isBad ? 2 : isCut ? 1 : 0 };
}
