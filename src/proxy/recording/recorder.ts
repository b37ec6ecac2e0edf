/**
 * All recordings of this proxy: where they go, the journal of them, and the key that seals them. Other processes of the
 * same proxy may do the same beside it.
 */
import { readFileSync } from 'node:fs';
import type { DiskSpace } from '../../host/disk-space.ts';
import type { CaSigner } from '../../ssh/sign-certificate.ts';
import { digestOf, type RecordingJournal } from '../../store/recording-journal.ts';
import { type FilePorts, RecordFile } from './record-file.ts';
import { writeSeal } from './seal.ts';
import type { Kind, SessionFacts } from './track.ts';

export interface RecorderParts {
  readonly directory: string;
  readonly journal: RecordingJournal;
  readonly signer: CaSigner;
  readonly space: DiskSpace;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** A recording is sealed: for a log that is kept elsewhere. Throws if it cannot be written. */
  readonly sealed: (facts: SealedFacts) => void;
  /** It could not be, and the session has ended already. */
  readonly report: (error: unknown) => void;
}

export interface SealedFacts {
  readonly attempt: string;
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  /** The digest of the journal's last line. */
  readonly journal: string;
}

export class Recorder {
  readonly #parts: RecorderParts;
  readonly #unfinished = new Set<Promise<void>>();

  constructor(parts: RecorderParts) {
    this.#parts = parts;
  }

  get now(): () => number {
    return this.#parts.now;
  }

  /** A new file, of which the journal knows. Throws if it cannot be made. */
  open(name: string, kind: Kind, session: SessionFacts, ports: Pick<FilePorts, 'waiting' | 'failed'>): OpenRecording {
    const { directory, journal, space, now } = this.#parts;
    const startedAt = this.#time();
    const file = new RecordFile(name, {
      ...ports,
      directory,
      space,
      now,
      checkpoint: contents => journal.append({ event: 'checkpoint', at: this.#time(), file: name, ...contents }, false),
    });
    try {
      // On the disk before the file is: after a power failure a file that the journal does not know would look forged.
      journal.append({ event: 'opened', at: startedAt, file: name, kind, ...session, ...ownProcess() }, true);
    } catch (error) {
      file.discard();
      throw error;
    }
    return {
      line: text => file.append(text),
      finish: () => {
        const finished = this.#seal(file, { kind, session, startedAt });
        this.#unfinished.add(finished);
        void finished.finally(() => this.#unfinished.delete(finished));
      },
    };
  }

  /** Settles when all that has ended is sealed. */
  async finished(): Promise<void> {
    await Promise.all(this.#unfinished);
  }

  async #seal(
    file: RecordFile,
    { kind, session, startedAt }: { readonly kind: Kind; readonly session: SessionFacts; readonly startedAt: string },
  ): Promise<void> {
    const { directory, journal, signer, sealed } = this.#parts;
    try {
      const contents = await file.finish();
      if (contents === undefined) return;
      const { name } = file;
      const times = { startedAt, endedAt: this.#time() };
      const seal = { version: 1, file: name, ...contents, kind, ...session, ...times, journal: journal.head } as const;
      const statement = await writeSeal(directory, seal, signer);
      const sealHash = digestOf(statement);
      const head = journal.append(
        { event: 'sealed', at: times.endedAt, file: name, ...contents, seal: sealHash },
        true,
      );
      sealed({ attempt: session.id, file: name, ...contents, journal: head });
    } catch (error) {
      this.#parts.report(error);
    }
  }

  #time(): string {
    return new Date(this.#parts.now()).toISOString();
  }
}

export interface OpenRecording {
  readonly line: (text: string) => void;
  /** Nothing comes any more: it is synced and sealed. */
  readonly finish: () => void;
}

/** So that one can tell a session that is still open from one that was cut off. */
function ownProcess(): { readonly pid: number; readonly processStart: string } {
  return { pid: process.pid, processStart: processStart(process.pid) ?? '' };
}

/** When that process was started, in ticks since the host was; undefined if there is none (proc_pid_stat(5), field 22). */
export function processStart(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
