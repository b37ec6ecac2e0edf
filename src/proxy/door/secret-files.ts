import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { ProxySettings } from '../../config/config.ts';
import { unsafeSecret } from '../../host/secret-file.ts';
import type { UnsafeFile } from '../../host/unsafe-file.ts';
import { hostKeyFiles } from './host-key-files.ts';

export interface SecretTrouble {
  readonly path: string;
  readonly problem: UnsafeFile;
}

/**
 * What is wrong with the files of secrets that the proxy has: its host keys, the CA's and the passphrase of that. Its user
 * is who has the state directory; where that is not there yet, the proxy has never run. What this process may not look at is
 * not said to be wrong.
 */
export function secretTroubles({ stateDirectory, caDirectory, caPassphraseFile }: ProxySettings): SecretTrouble[] {
  const owner = lstatSync(stateDirectory, { throwIfNoEntry: false })?.uid;
  if (owner === undefined) return [];
  const made = [...hostKeyFiles(stateDirectory), join(caDirectory, 'ssh-user-ca.key')];
  const needed = caPassphraseFile === '' ? [] : [caPassphraseFile];
  return [...made, ...needed].flatMap(path => {
    const problem = unsafeSecret(path, owner);
    const isMissing = problem?.cause === 'missing' && made.includes(path);
    return problem === undefined || problem.cause === 'unreadable' || isMissing ? [] : [{ path, problem }];
  });
}
