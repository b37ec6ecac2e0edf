/** The journal, read again: whether its lines follow one another, and what it knows of each recording. */
import { digestOf, noLine } from '../../store/recording-journal.ts';
import { objectOf, parseLine } from './parse.ts';
import type { Contents } from './record-file.ts';

export interface Known {
  opened: { readonly at: string; readonly pid: number; readonly processStart: string } | undefined;
  /** The last one. */
  checkpoint: (Contents & { readonly at: string }) | undefined;
  /** The digest of its seal. */
  sealed: string | undefined;
  /** It was taken away, by the rules. */
  removed: { readonly at: string; readonly signature: string } | undefined;
}

export interface JournalRead {
  readonly recordings: ReadonlyMap<string, Known>;
  /** The digests of all lines. */
  readonly digests: ReadonlySet<string>;
  readonly head: string;
  /** Undefined: every line follows the one before. */
  readonly fault: string | undefined;
}

export function readJournal(lines: Iterable<string>): JournalRead {
  const recordings = new Map<string, Known>();
  const digests = new Set([noLine]);
  let head = noLine;
  let fault: string | undefined;
  let number = 0;
  for (const line of lines) {
    number++;
    const entry = objectOf(parseLine(line));
    if (entry['previous'] !== head) fault ??= `line ${number} of the journal does not follow the one before it`;
    head = digestOf(line);
    digests.add(head);
    note(recordings, entry);
  }
  return { recordings, digests, head, fault };
}

function note(recordings: Map<string, Known>, entry: Readonly<Record<string, unknown>>): void {
  const text = (name: string): string => {
    const value = entry[name];
    return typeof value === 'string' ? value : '';
  };
  const file = text('file');
  const known = recordings.get(file) ?? {
    opened: undefined,
    checkpoint: undefined,
    sealed: undefined,
    removed: undefined,
  };
  recordings.set(file, known);
  const at = text('at');
  switch (entry['event']) {
    case 'opened':
      known.opened = { at, pid: Number(entry['pid']), processStart: text('processStart') };
      break;
    case 'checkpoint':
      known.checkpoint = { at, bytes: Number(entry['bytes']), sha256: text('sha256') };
      break;
    case 'sealed':
      known.sealed = text('seal');
      break;
    case 'removed':
      known.removed = { at, signature: text('signature') };
      break;
  }
}
