/**
 * What to undo, on disk before anything is done. Its name is its state: `journal.json` waits for the confirmation,
 * `reverting.json` is being undone, and who renames the first of them has the say.
 *
 * It may hold the service key of the configuration that was there before: root's alone.
 */
import { join } from 'node:path';
import { readSafely } from '../host/safe-open.ts';
import { type Image, makePrivateDirectory, placeFile, placeNew, renameFile, rootsFile } from './place-file.ts';

export interface Journal {
  readonly id: string;
  /** The setup that wrote it: if that is gone and sshd was not told, it was interrupted. */
  readonly writer: { readonly pid: number; readonly started: Moment };
  /** When it is undone by itself, ms since 1970. */
  readonly revertAt: number;
  /** Undefined until sshd has been told: everything before is not worth a confirmation. */
  readonly reloaded: Moment | undefined;
  readonly changes: readonly Change[];
}

/** A point in time that no clock can be set to. */
export interface Moment {
  /** /proc/sys/kernel/random/boot_id. */
  readonly boot: string;
  /** Since that boot, in hundredths of a second, as /proc/PID/stat has them. */
  readonly ticks: number;
}

export interface Change {
  readonly path: string;
  /** Undefined: there was none. */
  readonly before: Image | undefined;
  /** Undefined: there shall be none. */
  readonly after: Image | undefined;
}

type State = 'waiting' | 'reverting';

const fileNames: Readonly<Record<State, string>> = { waiting: 'journal.json', reverting: 'reverting.json' };

/**
 * Writes one where there is none. False: somebody else was quicker. Throws {@link NotPlaced} if the disk does not take it.
 *
 * @param directory made if it is not there, mode 0700
 */
export function beginJournal(directory: string, journal: Journal): boolean {
  makePrivateDirectory(directory);
  if (findJournal(directory).kind !== 'none') return false;
  const draft = join(directory, `${journal.id}.draft`);
  try {
    placeFile(draft, imageOf(journal));
    return placeNew(draft, join(directory, fileNames.waiting));
  } finally {
    placeFile(draft, undefined);
  }
}

/** In the place of the one that is there. */
export function continueJournal(directory: string, journal: Journal): void {
  placeFile(join(directory, fileNames.waiting), imageOf(journal));
}

function imageOf(journal: Journal): Image {
  return rootsFile(JSON.stringify(encode(journal)), 0o600);
}

export type Found =
  | { readonly kind: 'none' }
  | { readonly kind: State; readonly journal: Journal }
  | { readonly kind: 'unreadable'; readonly why: string };

export function findJournal(directory: string): Found {
  for (const state of ['reverting', 'waiting'] as const) {
    const path = join(directory, fileNames[state]);
    const read = readSafely(path, { maxBytes, secret: true });
    if (read.kind === 'refused' && read.problem.cause === 'missing') continue;
    if (read.kind === 'refused') return { kind: 'unreadable', why: `${path} ${read.problem.text}` };
    const journal = decode(read.text);
    return journal === undefined ? { kind: 'unreadable', why: `${path} is damaged` } : { kind: state, journal };
  }
  return { kind: 'none' };
}

/** From now on it can be undone only. False: somebody was quicker, or there is none. */
export function claimForRevert(directory: string): boolean {
  return renameFile(join(directory, fileNames.waiting), join(directory, fileNames.reverting));
}

/** What is confirmed cannot be undone any more. False: somebody was quicker, or there is none. */
export function claimForKeeping(directory: string): boolean {
  const kept = join(directory, 'confirmed.json');
  if (!renameFile(join(directory, fileNames.waiting), kept)) return false;
  placeFile(kept, undefined);
  return true;
}

export function forgetReverting(directory: string): void {
  placeFile(join(directory, fileNames.reverting), undefined);
}

const maxBytes = 8 * 1024 * 1024;

interface Written {
  readonly version: 1;
  readonly id: string;
  readonly writer: Journal['writer'];
  readonly revertAt: number;
  readonly reloaded: Moment | null;
  readonly changes: readonly { path: string; before: WrittenImage | null; after: WrittenImage | null }[];
}

interface WrittenImage {
  readonly base64: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

function encode({ id, writer, revertAt, reloaded, changes }: Journal): Written {
  const images = changes.map(({ path, before, after }) => ({
    path,
    before: encodeImage(before),
    after: encodeImage(after),
  }));
  return { version: 1, id, writer, revertAt, reloaded: reloaded ?? null, changes: images };
}

function encodeImage(image: Image | undefined): WrittenImage | null {
  if (image === undefined) return null;
  const { bytes, mode, uid, gid } = image;
  return { base64: bytes.toString('base64'), mode, uid, gid };
}

/** Root wrote it, whole or not at all; what is left to find is another release's. */
function decode(text: string): Journal | undefined {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by encode() above, in a directory of root's
    const { version, id, writer, revertAt, reloaded, changes } = JSON.parse(text) as Written;
    if (version !== 1) return undefined;
    return {
      id,
      writer,
      revertAt,
      reloaded: reloaded ?? undefined,
      changes: changes.map(({ path, before, after }) => ({
        path,
        before: decodeImage(before),
        after: decodeImage(after),
      })),
    };
  } catch {
    return undefined;
  }
}

function decodeImage(image: WrittenImage | null): Image | undefined {
  if (image === null) return undefined;
  const { base64, mode, uid, gid } = image;
  return { bytes: Buffer.from(base64, 'base64'), mode, uid, gid };
}
