import { appendFileSync, closeSync, constants, fsyncSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { replacePrivateFile } from '../host/private-file.ts';
import { readSafely } from '../host/safe-open.ts';

/** One use of a prepared factor. `place`: the time step of a code, or which of the recovery codes it was. */
export interface Mark {
  readonly id: string;
  readonly place: number;
  /** Milliseconds since 1970. */
  readonly usedAt: number;
}

/** A string, one line for an administrator, if they cannot be read: then nobody knows what was used. */
export function readMarks(directory: string): Mark[] | string {
  const path = marksPath(directory);
  const read = readSafely(path, { maxBytes, secret: true });
  if (read.kind === 'refused') return read.problem.cause === 'missing' ? [] : `${path}: ${read.problem.text}`;
  return read.text.split('\n').flatMap(line => {
    const [, id, place, usedAt] = /^used ([0-9a-f-]{36}) (\d{1,15}) (\d{1,15})$/.exec(line) ?? [];
    return id === undefined ? [] : [{ id, place: Number(place), usedAt: Number(usedAt) }];
  });
}

/**
 * The uses of the factors of `offline.json`, in a file of its own, `offline.used`: only the daemon writes it, and a line at
 * its end often still fits on a disk that is full. (An agent that was started for one login writes it, too.)
 *
 * What cannot be written is remembered all the same, as long as the daemon lives.
 */
export class OfflineMarks {
  readonly #path: string;
  #marks: readonly Mark[] = [];

  constructor(directory: string) {
    this.#path = marksPath(directory);
  }

  /** Learns what is on the disk, and keeps what is known besides. */
  learn(marks: readonly Mark[]): void {
    this.#marks = [
      ...marks,
      ...this.#marks.filter(({ id, place }) => !marks.some(one => one.id === id && one.place === place)),
    ];
  }

  /** The newest time step used; -1 if none. */
  newest(id: string): number {
    return Math.max(-1, ...this.#of(id).map(({ place }) => place));
  }

  has(id: string, place: number): boolean {
    return this.#of(id).some(mark => mark.place === place);
  }

  /** Remembers it, at once. A string says why it is not on the disk. */
  add(mark: Mark): string | undefined {
    this.#marks = [...this.#marks, mark];
    return attempt(this.#path, path => append(path, lineOf(mark)));
  }

  /** Forgets what is not needed any more, once that is much. A string says why it is still on the disk. */
  tidy(isNeeded: (mark: Mark) => boolean): string | undefined {
    const needed = this.#marks.filter(isNeeded);
    if (this.#marks.length - needed.length < muchToForget) return undefined;
    this.#marks = needed;
    return attempt(this.#path, path => replacePrivateFile(path, needed.map(lineOf).join('')));
  }

  #of(id: string): readonly Mark[] {
    return this.#marks.filter(mark => mark.id === id);
  }
}

const maxBytes = 64 * 1024 ** 2;
const muchToForget = 1_000;

export function marksPath(directory: string): string {
  return join(directory, 'offline.used');
}

/** The line end comes first: a line that was cut off, since the disk was full, spoils no other. */
function lineOf({ id, place, usedAt }: Mark): string {
  return `\nused ${id} ${place} ${usedAt}`;
}

function append(path: string, line: string): void {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const fd = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
  try {
    appendFileSync(fd, line);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function attempt(path: string, work: (path: string) => void): string | undefined {
  try {
    work(path);
    return undefined;
  } catch (error) {
    return `${path}: ${error instanceof Error ? error.message : String(error)}`;
  }
}
