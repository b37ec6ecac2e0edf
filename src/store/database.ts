import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { MemoryError } from '../auth/ports.ts';
import { openPrivateDatabase } from './private-database.ts';

/**
 * Opens the login memory's database, or says what is wrong with it: {@link MemoryError}.
 *
 * It is made when there is none. One that is damaged, of a newer version or open to others is left as it is: starting
 * afresh would forget used codes and holds, so that is for the administrator to decide. Every commit is synced: a code
 * that was claimed stays claimed when the power fails.
 */
export function openDatabase(directory: string): DatabaseSync {
  const path = join(directory, 'logins.db');
  return asMemoryError(path, () => openPrivateDatabase(path, { version: 1, sql: schema }));
}

/** Runs `work`; whatever it throws becomes a {@link MemoryError} that names the file. */
export function asMemoryError<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof MemoryError) throw error; // it names the file already
    throw new MemoryError(`${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

const schema = `
  CREATE TABLE secret (id INTEGER PRIMARY KEY CHECK (id = 1), key BLOB NOT NULL) STRICT;
  INSERT INTO secret VALUES (1, randomblob(32));
  CREATE TABLE throttle (key TEXT PRIMARY KEY, failures INTEGER NOT NULL, last_at INTEGER NOT NULL) STRICT;
  CREATE TABLE used_code (digest BLOB PRIMARY KEY, claimed_at INTEGER NOT NULL) STRICT;
  CREATE TABLE push_hold (person TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT;
  CREATE TABLE grace (binding TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT;
`;
