import type { DatabaseSync } from 'node:sqlite';
import type { Seal } from '../../store/seal.ts';
import { bytesOf } from './row.ts';

/** Is this the key under which this database seals? A new database takes the key that it first sees. */
export function isMasterKeyOf(database: DatabaseSync, seal: Seal): boolean {
  const row = database.prepare('SELECT check_value FROM master_key').get();
  if (row === undefined) {
    database.prepare('INSERT INTO master_key VALUES (?)').run(seal.close(Buffer.from(known), place));
    return true;
  }
  try {
    return seal.open(bytesOf(row, 'check_value'), place).toString() === known;
  } catch {
    return false;
  }
}

const known = 'trasa-agent server';
const place = 'master_key/check_value';
