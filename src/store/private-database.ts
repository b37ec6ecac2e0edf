import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** The SQL that makes an empty database one of this version. */
export interface Schema {
  readonly version: number;
  readonly sql: string;
}

/**
 * Opens a database that is this user's alone, in a directory that is too; both are made when they are missing. Throws
 * an Error that says what is wrong with it. One that is damaged, of a newer version or open to others stays as it is.
 *
 * Every commit is synced (synchronous = FULL) unless the caller says otherwise later.
 *
 * @param busyTimeoutMs another process holds the database for moments only; so long is waited for it
 */
export function openPrivateDatabase(path: string, schema: Schema, busyTimeoutMs = 2_000): DatabaseSync {
  checkDirectory(dirname(path));
  checkFile(path);
  const database = new DatabaseSync(path, { timeout: busyTimeoutMs, allowExtension: false });
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF');
    checkIntegrity(database);
    prepareSchema(database, schema);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** One transaction, so that two processes that start at once, or a crash, leave a whole schema or none. */
function prepareSchema(database: DatabaseSync, schema: Schema): void {
  inTransaction(database, () => {
    const version = pragma(database, 'user_version');
    if (version === 0) database.exec(`${schema.sql}; PRAGMA user_version = ${schema.version}`);
    else if (version !== schema.version)
      throw new Error(`its version is ${String(version)}, ours is ${schema.version}`);
  });
}

/** All that `work` writes, or nothing of it. Others that write wait until it returns. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK'); // SQLite does it by itself when the disk is full
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
