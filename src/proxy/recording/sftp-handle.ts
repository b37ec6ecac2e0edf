import { nameFacts } from './file-events.ts';
import { PassedBytes } from './passed-bytes.ts';
import { openFlag } from './sftp-messages.ts';

/** A file or directory that is open over sftp, and what passed of it. */
export class SftpHandle {
  readonly path: Buffer;
  readonly isDirectory: boolean;
  readonly #flags: number;
  readonly read = new PassedBytes();
  readonly written = new PassedBytes();
  /** Of the file, as the host said last. */
  size: number | undefined;
  /** It was shortened or copied into: what passed is not what is there. */
  isDisturbed = false;
  /** It was cut behind what was written so far, which so is all of it. */
  isCut = false;
  failedWrites = 0;
  /** Of a directory: names that were listed. */
  entries = 0;
  /** It was given back, and may be that of another file by now. */
  isClosing = false;

  constructor(path: Buffer, isDirectory: boolean, flags: number, size: number | undefined) {
    this.path = path;
    this.isDirectory = isDirectory;
    this.#flags = flags;
    this.size = size;
  }

  get pathFacts(): object {
    return nameFacts('path', this.path);
  }

  /** When it is closed. */
  facts(): object {
    if (this.isDirectory) return { ...this.pathFacts, entries: this.entries };
    const { read, written, failedWrites } = this;
    return {
      ...this.pathFacts,
      ...(this.#has(openFlag.read) && { read: read.facts(this.size === read.next) }),
      ...(this.#has(openFlag.write) && { written: written.facts(this.#isReplaced()) }),
      ...(failedWrites > 0 && { failedWrites }),
    };
  }

  /** What is there is what was written, if that was all in order. */
  #isReplaced(): boolean {
    const isNew = this.isCut || this.#has(openFlag.truncate) || this.#has(openFlag.exclusive);
    return isNew && !this.#has(openFlag.append) && !this.isDisturbed && this.failedWrites === 0;
  }

  #has(flag: number): boolean {
    return (this.#flags & flag) !== 0;
  }
}
