/** A recorder in a directory of its own, with a clock that stands still until it is moved. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signerOf } from '../../../src/ca/node-crypto.ts';
import { DiskSpace } from '../../../src/host/disk-space.ts';
import type { Fault } from '../../../src/proxy/recording/fault.ts';
import { readJournal } from '../../../src/proxy/recording/journal-lines.ts';
import { Recorder, type SealedFacts } from '../../../src/proxy/recording/recorder.ts';
import { Recording } from '../../../src/proxy/recording/recording.ts';
import type { Place } from '../../../src/proxy/recording/verify.ts';
import { publicKeyLine } from '../../../src/ssh/key-line.ts';
import type { CaSigner } from '../../../src/ssh/sign-certificate.ts';
import { byte, string, uint32 } from '../../../src/ssh/wire.ts';
import { RecordingJournal } from '../../../src/store/recording-journal.ts';

export interface Desk {
  readonly state: string;
  readonly directory: string;
  readonly journal: RecordingJournal;
  readonly signer: CaSigner;
  readonly recorder: Recorder;
  readonly sealed: SealedFacts[];
  readonly problems: unknown[];
  readonly clock: { now: number };
  place(): Place;
}

export function newDesk(): Desk {
  const state = mkdtempSync(join(tmpdir(), 'trasa-recordings-'));
  const directory = join(state, 'recordings');
  const signer = signerOf(generateKeyPairSync('ed25519').privateKey);
  if (signer === undefined) throw new Error('no signer');
  writeFileSync(join(state, 'recording-signing-key.pub'), `${publicKeyLine(signer.publicKey)}\n`);
  const journal = new RecordingJournal(state);
  const clock = { now: Date.UTC(2030, 0, 1) };
  const sealed: SealedFacts[] = [];
  const problems: unknown[] = [];
  const recorder = new Recorder({
    directory,
    journal,
    signer,
    space: new DiskSpace(),
    now: () => clock.now,
    sealed: facts => void sealed.push(facts),
    report: error => void problems.push(error),
  });
  const keys = [signer.publicKey];
  const place = (): Place => ({ directory, keys, journal: readJournal(journal.lines()), isWhole: true });
  return { state, directory, journal, signer, recorder, sealed, problems, clock, place };
}

/** A session whose one channel has the number 0. */
export function newSession({ recorder }: Pick<Desk, 'recorder'>, id = sessionID('A')) {
  const session = { id, person: 'alice@example.com', account: 'alice', service: 'web1', client: '192.0.2.1' };
  const recording = new Recording(recorder, session);
  const faults: Fault[] = [];
  recording.onFailure(fault => faults.push(fault));
  const ask = (type: string, ...rest: Buffer[]): void => recording.request(0, request(type, 1, ...rest));
  return {
    recording,
    faults,
    ask,
    exec: (command: string) => {
      ask('exec', string(command));
      recording.answered(0, true);
    },
    input: (text: string | Buffer) => recording.input(0, Buffer.concat([byte(94), uint32(0), string(text)])),
    output: (text: string | Buffer) => recording.output(0, Buffer.concat([byte(94), uint32(0), string(text)])),
    extended: (type: number, text: string) =>
      recording.output(0, Buffer.concat([byte(95), uint32(0), uint32(type), string(text)])),
    close: async () => {
      recording.ending(0, request('exit-status', 0, uint32(0)));
      recording.closed(0);
      await recorder.finished();
    },
  };
}

/** One recorded command, sealed. @returns its file */
export async function recordCommand(desk: Pick<Desk, 'recorder'>, id: string, output = 'hello\n'): Promise<string> {
  const session = newSession(desk, id);
  session.exec('true');
  session.output(output);
  await session.close();
  return `${id}-1.events.jsonl`;
}

/** A ULID of 1 January 2030. */
export function sessionID(letter: string): string {
  return `01Q3DCBD00${letter.repeat(16)}`;
}

export function pty(name = 'xterm', columns = 80, rows = 24): Buffer[] {
  return [string(name), uint32(columns), uint32(rows)];
}

function request(type: string, wantReply: number, ...rest: Buffer[]): Buffer {
  return Buffer.concat([byte(98), uint32(0), string(type), byte(wantReply), ...rest]);
}
