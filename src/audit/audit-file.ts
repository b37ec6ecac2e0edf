import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import { PartialWriteError, writeFully } from './write-fully.ts';

/** A file that lines are appended to, and that somebody else may rotate at any time (logrotate(8), without a signal). */
export class AuditFile {
  readonly #path: string;
  #open: { readonly fd: number; readonly dev: number; readonly ino: number } | undefined;
  /** The last write failed in the middle of a line. */
  #torn = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Throws if the line is not wholly in the file. */
  append(line: string): void {
    const fd = this.#descriptor();
    try {
      writeFully(fd, this.#torn ? `\n${line}` : line);
      this.#torn = false;
    } catch (error) {
      if (error instanceof PartialWriteError && error.written > 0) this.#torn = true;
      throw error;
    }
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
    this.#torn = false;
    return this.#open.fd;
  }
}

/** O_NONBLOCK: a FIFO in the file's place fails here, instead of stopping every login. */
const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

function openRegular(path: string): { fd: number; dev: number; ino: number } {
  const fd = openSync(path, flags, 0o640);
  const stat = fstatSync(fd);
  if (stat.isFile()) return { fd, dev: stat.dev, ino: stat.ino };
  closeSync(fd);
  throw new Error(`${path}: not a regular file`);
}
