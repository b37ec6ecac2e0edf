import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { enterDirectory } from '../../host/enter-directory.ts';
import { fileExists, makePrivateFile } from '../../host/private-file.ts';
import type { ThrottleLimits } from '../../policy/throttle.ts';
import { type MasterKey, makeMasterKey, readMasterKey } from '../../store/master-key.ts';
import { sealUnder } from '../../store/seal.ts';
import { type CaKeepers, caPassphrase, ServerCas } from '../server-cas.ts';
import { AccessMap } from '../store/access.ts';
import { openDatabase } from '../store/database.ts';
import { Groups } from '../store/groups.ts';
import { Guesses } from '../store/guesses.ts';
import { isMasterKeyOf } from '../store/master-key-check.ts';
import { People } from '../store/people.ts';
import { PersonKeys } from '../store/person-keys.ts';
import { PushDevices } from '../store/push-devices.ts';
import { Services } from '../store/services.ts';
import { TotpCredentials } from '../store/totp-credentials.ts';
import { Vault } from '../store/vault.ts';

/** All that the server remembers, in one directory that is its user's alone. */
export interface ServerState {
  readonly directory: string;
  readonly people: People;
  readonly groups: Groups;
  readonly keys: PersonKeys;
  readonly services: Services;
  readonly devices: PushDevices;
  readonly credentials: TotpCredentials;
  readonly access: AccessMap;
  readonly vault: Vault;
  readonly guesses: Guesses;
  readonly cas: ServerCas;
  close(): void;
}

export type OpenedState =
  | { readonly kind: 'open'; readonly state: ServerState }
  /** One line for an administrator. */
  | { readonly kind: 'broken'; readonly text: string };

/**
 * Opens the state, making what is missing on first use. Called by root, for a directory that another user owns, the
 * process becomes that user for good: so nothing in it turns root's, and root follows no link that was planted there.
 *
 * @param masterKeyFile where the master key is kept, if not in the directory (a systemd credential, say)
 */
export function openState(directory: string, masterKeyFile?: string, keepers?: CaKeepers): OpenedState {
  const external = masterKeyFile === undefined ? undefined : readMasterKey(masterKeyFile);
  if (external?.kind === 'broken') return external;
  const unsafe = makeDirectory(directory);
  if (unsafe !== undefined) return { kind: 'broken', text: unsafe };

  const databaseFile = join(directory, 'server.db');
  const masterKey = external ?? keptMasterKey(join(directory, 'master.key'), !fileExists(databaseFile));
  if (masterKey.kind === 'broken') return masterKey;
  if (!fileExists(databaseFile)) makePrivateFile(databaseFile, ''); // SQLite gives its other files this one's mode
  let database: DatabaseSync;
  try {
    database = openDatabase(databaseFile);
  } catch (error) {
    return { kind: 'broken', text: `${databaseFile}: ${error instanceof Error ? error.message : String(error)}` };
  }
  const seal = sealUnder(masterKey.key);
  if (!isMasterKeyOf(database, seal)) {
    database.close();
    return { kind: 'broken', text: `${databaseFile}: was made with another master key` };
  }
  return {
    kind: 'open',
    state: {
      directory,
      people: new People(database),
      groups: new Groups(database),
      keys: new PersonKeys(database),
      services: new Services(database),
      devices: new PushDevices(database),
      credentials: new TotpCredentials(database, seal),
      access: new AccessMap(database),
      vault: new Vault(database, seal),
      guesses: new Guesses(database, throttleLimits),
      cas: new ServerCas(directory, caPassphrase(masterKey.key), keepers),
      close: () => database.close(),
    },
  };
}

/** Five guesses, then 15 s, 30 s, … up to 15 minutes apart: about 100 a day, of a million codes. */
const throttleLimits: ThrottleLimits = {
  accountFreeTries: 5,
  addressFreeTries: 5,
  firstHoldMs: 15_000,
  maxHoldMs: 900_000,
};

/** What is wrong with it, if anything. */
function makeDirectory(directory: string): string | undefined {
  try {
    mkdirSync(directory, { mode: 0o700, recursive: true });
  } catch (error) {
    return `${directory}: ${error instanceof Error ? error.message : String(error)}`;
  }
  return enterDirectory(directory);
}

/** A lost key is never silently replaced: what was sealed under it would be lost with it. */
function keptMasterKey(file: string, isNew: boolean): MasterKey {
  return isNew && !fileExists(file) ? makeMasterKey(file) : readMasterKey(file);
}
