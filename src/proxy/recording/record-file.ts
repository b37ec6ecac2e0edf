/** A file that is only ever appended to, and whose digest is known at every moment. */
import { createHash } from 'node:crypto';
import {
  close,
  closeSync,
  constants,
  fstatSync,
  fsync,
  lstatSync,
  mkdirSync,
  openSync,
  unlinkSync,
  write,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { DiskSpace } from '../../host/disk-space.ts';
import { type Fault, faultOf, unrecordable } from './fault.ts';

export interface FilePorts {
  readonly directory: string;
  readonly space: DiskSpace;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** So many more bytes wait for the disk, or, if negative, less. */
  readonly waiting: (bytes: number) => void;
  /** Now and then, while there is something new: what is in the file by then. Throws if that cannot be kept. */
  readonly checkpoint: (contents: Contents) => void;
  /** Once. Nothing is written any more. */
  readonly failed: (fault: Fault) => void;
}

/** What a file held at one moment, which is its beginning ever after. */
export interface Contents {
  readonly bytes: number;
  readonly sha256: string;
}

/** Of one file: a session that prints without end fills no disk. */
const maxBytes = 1024 ** 3;
const checkpointMs = 60_000;
const lookMs = 1_000;

export class RecordFile {
  readonly name: string;
  readonly #ports: FilePorts;
  readonly #fd: number;
  readonly #hash = createHash('sha256');
  readonly #idle: (() => void)[] = [];
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #isWriting = false;
  #hasFailed = false;
  #isClosed = false;
  #appended = 0;
  #written = 0;
  #checkpointAt: number;
  #lookedAt = 0;

  /** Throws if it cannot be made. */
  constructor(name: string, ports: FilePorts) {
    this.name = name;
    this.#ports = ports;
    this.#fd = openNew(ports.directory, name);
    this.#checkpointAt = ports.now();
  }

  append(text: string): void {
    if (this.#hasFailed || this.#isClosed) return;
    const bytes = Buffer.from(text);
    this.#appended += bytes.length;
    if (this.#appended > maxBytes) return this.#fail(unrecordable('its recording is too long'));
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    this.#ports.waiting(bytes.length);
    if (!this.#isWriting) void this.#write();
  }

  /** It is not wanted after all, and nothing is in it yet. */
  discard(): void {
    this.#isClosed = true;
    closeSync(this.#fd);
    unlinkSync(join(this.#ports.directory, this.name));
  }

  /** Settles when everything is on the disk. Undefined: it is not, and that was told. */
  async finish(): Promise<Contents | undefined> {
    if (this.#isWriting) await new Promise<void>(resolve => this.#idle.push(resolve));
    this.#isClosed = true;
    try {
      if (!this.#hasFailed) {
        this.#look();
        await sync(this.#fd);
      }
    } catch (error) {
      this.#fail(faultOf(error));
    }
    await closing(this.#fd).catch(() => {}); // synced, or failed, by now
    return this.#hasFailed ? undefined : this.#contents();
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    try {
      while (this.#queue.length > 0) await this.#writeQueue();
    } catch (error) {
      this.#fail(faultOf(error));
    }
    this.#isWriting = false;
    for (const tell of this.#idle.splice(0)) tell();
  }

  async #writeQueue(): Promise<void> {
    const { directory, space, now } = this.#ports;
    const bytes = Buffer.concat(this.#queue.splice(0));
    await space.take(directory, bytes.length);
    for (let at = 0; at < bytes.length; ) at += (await writing(this.#fd, bytes, at)).bytesWritten;
    if (this.#hasFailed) return;
    this.#hash.update(bytes);
    this.#written += bytes.length;
    this.#queuedBytes -= bytes.length;
    if (now() - this.#lookedAt >= lookMs) this.#look();
    if (now() - this.#checkpointAt >= checkpointMs) {
      this.#checkpointAt = now();
      this.#ports.checkpoint(this.#contents());
    }
    this.#ports.waiting(-bytes.length);
  }

  /** Is it still the file that its name leads to? Throws if not. */
  #look(): void {
    this.#lookedAt = this.#ports.now();
    const path = join(this.#ports.directory, this.name);
    const named = lstatSync(path, { throwIfNoEntry: false });
    const ours = fstatSync(this.#fd);
    if (named?.ino !== ours.ino || named.dev !== ours.dev) throw new Error(`${path} was removed or replaced`);
  }

  #contents(): Contents {
    return { bytes: this.#written, sha256: this.#hash.copy().digest('hex') };
  }

  #fail(fault: Fault): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#queue = [];
    this.#ports.waiting(-this.#queuedBytes);
    this.#queuedBytes = 0;
    this.#ports.failed(fault);
  }
}

const writing = promisify(write);
const sync = promisify(fsync);
const closing = promisify(close);

/** The directory is made if need be; one that others can write to keeps nothing from them. */
function openNew(directory: string, name: string): number {
  if (lstatSync(directory, { throwIfNoEntry: false }) === undefined) mkdirSync(directory, { mode: 0o700 });
  const found = lstatSync(directory);
  if (!found.isDirectory() || found.uid !== process.geteuid?.() || (found.mode & 0o022) !== 0)
    throw new Error(`${directory} must be a directory that belongs to this service and is writable by nobody else`);
  const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL } = constants;
  return openSync(join(directory, name), O_WRONLY | O_APPEND | O_CREAT | O_EXCL, 0o600);
}
