import { randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { numberOf, type Row, textOf } from './row.ts';

/** Something that answers pushes with a key of its own: a phone, or `trasa-agent server approve`. */
export interface PushDevice {
  readonly id: string;
  readonly person: string;
  readonly name: string;
  /** PEM, `RSA PUBLIC KEY` (PKCS #1). */
  readonly publicKey: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

export class PushDevices {
  readonly #database: DatabaseSync;
  readonly #byId;
  readonly #ofPerson;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#byId = database.prepare('SELECT * FROM push_devices WHERE id = ?');
    this.#ofPerson = database.prepare('SELECT * FROM push_devices WHERE person = ? ORDER BY created_at, id');
  }

  byId(id: string): PushDevice | undefined {
    const row = this.#byId.get(id);
    return row === undefined ? undefined : deviceOf(row);
  }

  ofPerson(person: string): PushDevice[] {
    return this.#ofPerson.all(person).map(deviceOf);
  }

  add(person: string, name: string, publicKey: string, now: number): PushDevice {
    const id = randomUUID();
    this.#database.prepare('INSERT INTO push_devices VALUES (?, ?, ?, ?, ?)').run(id, person, name, publicKey, now);
    return { id, person, name, publicKey, createdAt: now };
  }

  /** False if there was none. */
  remove(id: string): boolean {
    return this.#database.prepare('DELETE FROM push_devices WHERE id = ?').run(id).changes === 1;
  }
}

function deviceOf(row: Row): PushDevice {
  return {
    id: textOf(row, 'id'),
    person: textOf(row, 'person'),
    name: textOf(row, 'name'),
    publicKey: textOf(row, 'public_key'),
    createdAt: numberOf(row, 'created_at'),
  };
}
