import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { MemoryError } from '../auth/ports.ts';

/**
 * Opens the login memory's database, or says what is wrong with it: {@link MemoryError}.
 *
 * It is made when there is none. One that is damaged, of a newer version or open to others is left as it is: starting
 * afresh would forget used codes and holds, so that is for the administrator to decide.
 */
export function openDatabase(directory: string): DatabaseSync {
  const path = join(directory, 'logins.db');
  return asMemoryError(path, () => {
    checkDirectory(directory);
    checkFile(path);
    const database = new DatabaseSync(path, { timeout: busyTimeoutMs, allowExtension: false });
    try {
      // FULL: a code that was claimed stays claimed when the power fails.
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF');
      checkIntegrity(database);
      prepareSchema(database);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

/** Runs `work`; whatever it throws becomes a {@link MemoryError} that names the file. */
export function asMemoryError<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new MemoryError(`${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** Another process holds the database for moments only. */
const busyTimeoutMs = 2_000;
const schemaVersion = 1;

const schema = `
  CREATE TABLE secret (id INTEGER PRIMARY KEY CHECK (id = 1), key BLOB NOT NULL) STRICT;
  INSERT INTO secret VALUES (1, randomblob(32));
  CREATE TABLE throttle (key TEXT PRIMARY KEY, failures INTEGER NOT NULL, last_at INTEGER NOT NULL) STRICT;
  CREATE TABLE used_code (digest BLOB PRIMARY KEY, claimed_at INTEGER NOT NULL) STRICT;
  CREATE TABLE push_hold (person TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT;
  CREATE TABLE grace (binding TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT;
  PRAGMA user_version = ${schemaVersion};
`;

/** One transaction, so that two processes that start at once, or a crash, leave a whole schema or none. */
function prepareSchema(database: DatabaseSync): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    const version = pragma(database, 'user_version');
    if (version === 0) database.exec(schema);
    else if (version !== schemaVersion) throw new Error(`its version is ${String(version)}, ours is ${schemaVersion}`);
    database.exec('COMMIT');
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}

function checkIntegrity(database: DatabaseSync): void {
  const found = pragma(database, 'quick_check(1)');
  if (found !== 'ok') throw new Error(`the database is damaged (${String(found)})`);
}

function pragma(database: DatabaseSync, name: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
}

function checkDirectory(directory: string): void {
  if (lstatSync(directory, { throwIfNoEntry: false }) === undefined) mkdirSync(directory, { mode: 0o700 });
  const stat = lstatSync(directory);
  if (!stat.isDirectory()) throw new Error(`${directory} is not a directory`);
  checkOwner(directory, stat);
}

/** Made here rather than by SQLite, which would give it the umask's mode; its -wal and -shm files take over ours. */
function checkFile(path: string): void {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const fd = openSync(path, flags, 0o600);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new Error('not a regular file');
    checkOwner(path, stat);
  } finally {
    closeSync(fd);
  }
}

function checkOwner(path: string, stat: { readonly uid: number; readonly mode: number }): void {
  if (stat.uid !== process.geteuid?.()) throw new Error(`${path} belongs to uid ${stat.uid}, not to this service`);
  if ((stat.mode & 0o077) !== 0) throw new Error(`${path} is open to others (mode ${(stat.mode & 0o777).toString(8)})`);
}
