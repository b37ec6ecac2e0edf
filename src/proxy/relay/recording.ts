/**
 * The recording of one session: an asciicast v2 file of mode 0600 for each shell and command, named by the id of the
 * attempt. What the host prints is in it, what the person types is not. What cannot be written ends the session.
 */
import { closeSync, constants, fsync, lstatSync, mkdirSync, openSync, write as writeTo } from 'node:fs';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { cleanText } from '../../protocol/clean.ts';
import type { WireReader } from '../../ssh/wire.ts';
import { parseChannelRequest } from '../messages/connection.ts';
import { dataOf } from './session-log.ts';

export interface RecordingFacts {
  readonly directory: string;
  /** Of the attempt: the beginning of each file's name. */
  readonly id: string;
  readonly title: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Bytes that may wait for the disk. */
const congestedBytes = 1024 * 1024;
/** Of one file: a session that prints without end fills no disk. */
const maxBytes = 1024 ** 3;

export class Recording {
  readonly #facts: RecordingFacts;
  readonly #tracks = new Map<number, Track>();
  #count = 0;
  #waitingBytes = 0;
  #fail: (why: string) => void = () => {};
  #drained: () => void = () => {};

  constructor(facts: RecordingFacts) {
    this.#facts = facts;
  }

  get isCongested(): boolean {
    return this.#waitingBytes > congestedBytes;
  }

  onFailure(fail: (why: string) => void): void {
    this.#fail = fail;
  }

  onDrained(drained: () => void): void {
    this.#drained = drained;
  }

  /** A request of the client that passes. */
  request(channel: number, payload: Buffer): void {
    const request = parseChannelRequest(payload);
    if (request === undefined) return;
    const { type, data } = request;
    const track = this.#track(channel);
    if (type === 'pty-req') track.terminal = terminalOf(data);
    if (type === 'window-change') track.resize(data.uint32(), data.uint32());
    if (type === 'shell') this.#start(track, undefined);
    if (type === 'exec') this.#start(track, data.string().toString('utf8'));
  }

  output(channel: number, payload: Buffer): void {
    this.#tracks.get(channel)?.output(payload[0] === 95 ? 'stderr' : 'stdout', dataOf(payload));
  }

  closed(channel: number): void {
    this.#tracks.get(channel)?.end();
    this.#tracks.delete(channel);
  }

  end(): void {
    for (const channel of this.#tracks.keys()) this.closed(channel); // a Map bears that
  }

  #track(channel: number): Track {
    const known = this.#tracks.get(channel);
    if (known !== undefined) return known;
    const track = new Track(this.#facts.now, {
      waiting: bytes => {
        this.#waitingBytes += bytes;
        if (bytes < 0 && !this.isCongested) this.#drained();
      },
      failed: why => this.#fail(why),
    });
    this.#tracks.set(channel, track);
    return track;
  }

  #start(track: Track, command: string | undefined): void {
    const { directory, id, title } = this.#facts;
    try {
      track.start(openFile(directory, `${id}-${++this.#count}.cast`), title, command);
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }
}

interface TrackPorts {
  /** So many more bytes wait for the disk, or, if negative, less. */
  readonly waiting: (bytes: number) => void;
  readonly failed: (why: string) => void;
}

interface Terminal {
  readonly name: string;
  readonly columns: number;
  readonly rows: number;
}

/** One channel. */
class Track {
  readonly #now: () => number;
  readonly #ports: TrackPorts;
  /** A character may be cut in two by packets. */
  readonly #decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') };
  terminal: Terminal | undefined;
  #fd: number | undefined;
  #startedAt = 0;
  #queue: Buffer[] = [];
  #isWriting = false;
  #isEnding = false;
  #bytes = 0;

  constructor(now: () => number, ports: TrackPorts) {
    this.#now = now;
    this.#ports = ports;
  }

  start(fd: number, title: string, command: string | undefined): void {
    if (this.#fd !== undefined) return closeSync(fd); // a channel runs one thing; the host refuses the second
    this.#fd = fd;
    this.#startedAt = this.#now();
    const { name, columns, rows } = this.terminal ?? { name: '', columns: 80, rows: 24 };
    const header = {
      version: 2,
      width: columns,
      height: rows,
      timestamp: Math.floor(this.#startedAt / 1000),
      title,
      ...(command !== undefined && { command: cleanText(command, 1024) }),
      env: name === '' ? {} : { TERM: name },
    };
    this.#append(`${JSON.stringify(header)}\n`);
  }

  output(stream: 'stdout' | 'stderr', data: Buffer): void {
    this.#event('o', this.#decoders[stream].write(data));
  }

  resize(columns: number, rows: number): void {
    this.#event('r', `${columns}x${rows}`);
  }

  end(): void {
    this.#event('o', this.#decoders.stdout.end() + this.#decoders.stderr.end());
    this.#isEnding = true;
    this.#writeNext();
  }

  #event(code: 'o' | 'r', data: string): void {
    if (this.#fd === undefined || data === '') return;
    this.#append(`${JSON.stringify([(this.#now() - this.#startedAt) / 1000, code, data])}\n`);
  }

  #append(text: string): void {
    const bytes = Buffer.from(text);
    this.#bytes += bytes.length;
    if (this.#bytes > maxBytes) return this.#ports.failed('the recording is too long');
    this.#queue.push(bytes);
    this.#ports.waiting(bytes.length);
    this.#writeNext();
  }

  #writeNext(): void {
    if (this.#isWriting || this.#fd === undefined) return;
    const fd = this.#fd;
    const bytes = Buffer.concat(this.#queue.splice(0));
    if (bytes.length === 0) return this.#isEnding ? this.#close(fd) : undefined;
    this.#isWriting = true;
    writeTo(fd, bytes, 0, bytes.length, null, (error, written) => {
      this.#isWriting = false;
      this.#ports.waiting(-written);
      if (error !== null) {
        this.#close(fd);
        return this.#ports.failed(error.message);
      }
      if (written < bytes.length) this.#queue.unshift(bytes.subarray(written));
      this.#writeNext();
    });
  }

  #close(fd: number): void {
    this.#fd = undefined;
    fsync(fd, error => {
      closeSync(fd);
      if (error !== null) this.#ports.failed(error.message);
    });
  }
}

function terminalOf(data: WireReader): Terminal {
  const name = cleanText(data.string().toString('utf8'), 128);
  return { name, columns: size(data.uint32()), rows: size(data.uint32()) };
}

function size(value: number): number {
  return Math.min(Math.max(value, 1), 10_000);
}

/** The directory is made if need be; one that others can write to keeps nothing from them. */
function openFile(directory: string, name: string): number {
  if (lstatSync(directory, { throwIfNoEntry: false }) === undefined) mkdirSync(directory, { mode: 0o700 });
  const { uid, mode } = lstatSync(directory);
  if (uid !== process.geteuid?.() || (mode & 0o022) !== 0)
    throw new Error(`${directory} must belong to this service and be writable by nobody else`);
  const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL } = constants;
  return openSync(join(directory, name), O_WRONLY | O_APPEND | O_CREAT | O_EXCL, 0o600);
}
