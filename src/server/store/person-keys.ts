import type { DatabaseSync } from 'node:sqlite';
import { numberOf, type Row, textOf } from './row.ts';

/** A person's public key: a first factor at the access proxy. */
export interface PersonKey {
  /** `SHA256:…` */
  readonly fingerprint: string;
  readonly person: string;
  /** As in a .pub file. */
  readonly publicKey: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** A key is one person's, or nobody's. */
export class PersonKeys {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  find(fingerprint: string): PersonKey | undefined {
    const row = this.#database.prepare('SELECT * FROM person_keys WHERE fingerprint = ?').get(fingerprint);
    return row === undefined ? undefined : keyOf(row);
  }

  all(): PersonKey[] {
    return this.#database.prepare('SELECT * FROM person_keys ORDER BY fingerprint').all().map(keyOf);
  }

  ofPerson(person: string): PersonKey[] {
    const keys = this.#database.prepare('SELECT * FROM person_keys WHERE person = ? ORDER BY created_at, fingerprint');
    return keys.all(person).map(keyOf);
  }

  /** False if somebody has it already. */
  add({ fingerprint, person, publicKey, createdAt }: PersonKey): boolean {
    const statement = this.#database.prepare('INSERT OR IGNORE INTO person_keys VALUES (?, ?, ?, ?)');
    return statement.run(fingerprint, person, publicKey, createdAt).changes === 1;
  }

  /** False if there was none. */
  remove(fingerprint: string): boolean {
    return this.#database.prepare('DELETE FROM person_keys WHERE fingerprint = ?').run(fingerprint).changes === 1;
  }
}

function keyOf(row: Row): PersonKey {
  return {
    fingerprint: textOf(row, 'fingerprint'),
    person: textOf(row, 'person'),
    publicKey: textOf(row, 'public_key'),
    createdAt: numberOf(row, 'created_at'),
  };
}
