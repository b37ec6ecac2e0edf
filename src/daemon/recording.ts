import { accessSync, constants, lstatSync, mkdirSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { DaemonLog } from '../audit/daemon-log.ts';
import type { LoginAttempt } from '../auth/attempt.ts';
import type { Clock } from '../auth/ports.ts';
import type { DiskSpace } from '../host/disk-space.ts';
import type { DecisionMessage, DoorMessage } from '../protocol/messages.ts';
import { eventFrom, headerFrom } from './asciicast.ts';
import type { Door, DoorListener } from './door.ts';

export interface RecordingSettings {
  readonly directory: string;
  /** How long the header may be awaited. */
  readonly headerMs: number;
  readonly space: DiskSpace;
  readonly clock: Clock;
  readonly log: DaemonLog;
  readonly stopping: AbortSignal;
}

/**
 * Sends `decision` and keeps what the door records from then on, in a file that the user cannot touch: `ID.cast`, mode
 * 0600. A line is acknowledged when it is written. Whatever fails closes the connection, and the door then ends the
 * session: what cannot be recorded does not happen.
 *
 * Settles when the recording is over.
 */
export async function keepRecording(
  door: Door,
  decision: DecisionMessage,
  attempt: LoginAttempt,
  settings: RecordingSettings,
): Promise<void> {
  const recording = new Recording(door, attempt, settings);
  door.send(decision);
  door.handOver(recording);
  const stop = (): void => recording.gone();
  settings.stopping.addEventListener('abort', stop, { once: true });
  if (settings.stopping.aborted) stop();
  await recording.ended.finally(() => settings.stopping.removeEventListener('abort', stop));
}

/** Why a recording would fail; undefined if nothing is known that would make it. */
export async function whyNotRecorded(settings: RecordingSettings): Promise<string | undefined> {
  try {
    await prepare(settings);
    accessSync(settings.directory, constants.W_OK); // which a file system that is read-only is not
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A session that prints without end fills no disk. */
const maxBytes = 1024 ** 3;

class Recording implements DoorListener {
  readonly #door: Door;
  readonly #attempt: LoginAttempt;
  readonly #settings: RecordingSettings;
  readonly #over = Promise.withResolvers<void>();
  readonly #headerTimer: NodeJS.Timeout;
  #file: FileHandle | undefined;
  /** At most what one read of the socket brought: reading stops while there is anything in it. */
  #waiting: string[] = [];
  #writing = false;
  #closing = false;
  #bytes = 0;

  constructor(door: Door, attempt: LoginAttempt, settings: RecordingSettings) {
    this.#door = door;
    this.#attempt = attempt;
    this.#settings = settings;
    this.#headerTimer = setTimeout(() => this.gone('no header in time'), settings.headerMs);
  }

  get ended(): Promise<void> {
    return this.#over.promise;
  }

  message(message: DoorMessage): void {
    if (message.kind !== 'record') return;
    this.#waiting.push(message.line);
    this.#door.pause();
    if (!this.#writing) void this.#write();
  }

  gone(violation?: string): void {
    if (violation !== undefined) this.#report(violation);
    this.#closing = true;
    if (!this.#writing) void this.#close();
  }

  async #write(): Promise<void> {
    this.#writing = true;
    try {
      while (this.#waiting.length > 0) await this.#append(this.#waiting.splice(0));
      this.#door.resume();
    } catch (error) {
      this.#report(error instanceof Error ? error.message : String(error));
      this.#closing = true;
    }
    this.#writing = false;
    if (this.#closing) await this.#close();
  }

  async #append(lines: readonly string[]): Promise<void> {
    let text = '';
    for (const [index, line] of lines.entries())
      text += this.#file === undefined && index === 0 ? headerFrom(line, this.#attempt, this.#now()) : eventFrom(line);
    this.#bytes += Buffer.byteLength(text);
    if (this.#bytes > maxBytes) throw new Error('the recording is too long');
    if (this.#file === undefined) {
      clearTimeout(this.#headerTimer);
      this.#file = await create(this.#settings, this.#attempt.id);
    }
    await this.#settings.space.take(this.#settings.directory, Buffer.byteLength(text));
    await this.#file.appendFile(text);
    for (let i = 0; i < lines.length; i++) this.#door.send({ kind: 'recorded' });
  }

  async #close(): Promise<void> {
    clearTimeout(this.#headerTimer);
    this.#door.close();
    const file = this.#file;
    this.#file = undefined;
    try {
      await file?.datasync();
      await file?.close();
    } catch (error) {
      this.#report(String(error));
    }
    this.#over.resolve();
  }

  #now(): number {
    return this.#settings.clock.now();
  }

  #report(why: string): void {
    this.#settings.log.error(`recording: ${why}`, { attempt: this.#attempt.id });
  }
}

/** The directory is made if need be; one that others can write to keeps nothing from the user. */
async function create(settings: RecordingSettings, id: string): Promise<FileHandle> {
  await prepare(settings);
  return await open(join(settings.directory, `${id}.cast`), 'ax', 0o600);
}

async function prepare({ directory, space }: RecordingSettings): Promise<void> {
  if (lstatSync(directory, { throwIfNoEntry: false }) === undefined) mkdirSync(directory, { mode: 0o700 });
  const { uid, mode } = lstatSync(directory);
  if (uid !== process.geteuid?.() || (mode & 0o022) !== 0)
    throw new Error(`${directory} must belong to this service and be writable by nobody else`);
  await space.check(directory);
}
