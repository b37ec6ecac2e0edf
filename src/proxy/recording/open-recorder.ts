import { join } from 'node:path';
import { signerOf } from '../../ca/node-crypto.ts';
import { DiskSpace } from '../../host/disk-space.ts';
import { RecordingJournal } from '../../store/recording-journal.ts';
import { openKey } from '../key-file.ts';
import { Recorder, type RecorderParts } from './recorder.ts';
import { removeOld } from './remove-old.ts';

export const signingKeyName = 'recording-signing-key';

export interface OpenParts extends Omit<RecorderParts, 'journal' | 'signer' | 'space'> {
  /** How long recordings are kept; 0: for ever. */
  readonly days: number;
  /** So many were older, and are gone. */
  readonly removed: (count: number) => void;
}

/** The recorder, and what ends it. A string says why there is none. */
export function openRecorder(
  stateDirectory: string,
  parts: OpenParts,
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
  const removing = parts.days === 0 ? undefined : removeDaily({ ...parts, journal, signer });
  return {
    recorder,
    close: async () => {
      clearInterval(removing);
      await recorder.finished();
      journal.close();
    },
  };
}

/** Now, and each day. */
function removeDaily(parts: OpenParts & Pick<RecorderParts, 'journal' | 'signer'>): NodeJS.Timeout {
  const remove = (): void => {
    removeOld(parts, parts.now()).then(count => {
      if (count > 0) parts.removed(count);
    }, parts.report);
  };
  remove();
  return setInterval(remove, 86_400_000).unref();
}
