import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { writeFully } from './write-fully.ts';

/**
 * A file that lines are appended to, by several processes if need be: each line is one write. Somebody else may rotate it
 * at any time (logrotate(8), without a signal).
 */
export class AuditFile {
  readonly #path: string;
  #open: { readonly fd: number; readonly dev: number; readonly ino: number } | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Throws if the line is not wholly in the file. */
  append(line: string): void {
    const fd = this.#descriptor();
    writeFully(fd, isTorn(fd) ? `\n${line}` : line);
  }

  close(): void {
    if (this.#open !== undefined) closeSync(this.#open.fd);
    this.#open = undefined;
  }

  /** A descriptor of the file that the path names now. */
  #descriptor(): number {
    const named = statSync(this.#path, { throwIfNoEntry: false });
    if (this.#open !== undefined && named?.dev === this.#open.dev && named.ino === this.#open.ino) return this.#open.fd;
    this.close();
    this.#open = openRegular(this.#path);
    return this.#open.fd;
  }
}

/** O_NONBLOCK: a FIFO in the file's place fails here, instead of stopping every login. */
const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Did the last write, whoever's, end in the middle of a line? */
function isTorn(fd: number): boolean {
  const last = Buffer.alloc(1);
  for (let { size } = fstatSync(fd); ; ) {
    if (size === 0 || readSync(fd, last, 0, 1, size - 1) === 0 || last[0] === 0x0a) return false;
    const { size: now } = fstatSync(fd);
    if (now === size) return true; // and not just being written
    size = now;
  }
}

function openRegular(path: string): { fd: number; dev: number; ino: number } {
  const fd = openSync(path, flags, 0o640);
  const stat = fstatSync(fd);
  if (stat.isFile()) return { fd, dev: stat.dev, ino: stat.ino };
  closeSync(fd);
  throw new Error(`${path}: not a regular file`);
}
