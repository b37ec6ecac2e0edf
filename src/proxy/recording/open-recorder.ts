import { join } from 'node:path';
import { signerOf } from '../../ca/node-crypto.ts';
import { DiskSpace } from '../../host/disk-space.ts';
import { RecordingJournal } from '../../store/recording-journal.ts';
import { openKey } from '../key-file.ts';
import { Recorder, type RecorderParts } from './recorder.ts';

export const signingKeyName = 'recording-signing-key';

/** The recorder, and what ends it. A string says why there is none. */
export function openRecorder(
  stateDirectory: string,
  parts: Omit<RecorderParts, 'journal' | 'signer' | 'space'>,
): { readonly recorder: Recorder; close(): Promise<void> } | string {
  const key = openKey(join(stateDirectory, signingKeyName), 'ed25519', 'trasa-agent proxy recordings');
  if (typeof key === 'string') return key;
  const signer = signerOf(key.privateKey);
  if (signer === undefined) return `${join(stateDirectory, signingKeyName)}: is of a kind that signs nothing`;
  let journal: RecordingJournal;
  try {
    journal = new RecordingJournal(stateDirectory);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const recorder = new Recorder({ ...parts, journal, signer, space: new DiskSpace() });
  return {
    recorder,
    close: async () => {
      await recorder.finished();
      journal.close();
    },
  };
}
