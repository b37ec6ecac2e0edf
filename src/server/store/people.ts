import { randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { flagOf, optionalTextOf, type Row, textOf } from './row.ts';

/** What a person may do with the server itself: an admin all that its API offers, a user what is their own. */
export type Role = 'user' | 'admin';

export interface Person {
  readonly id: string;
  readonly email: string;
  readonly username: string | undefined;
  readonly enabled: boolean;
  readonly role: Role;
  /** As made by password.ts; undefined: no password was set. */
  readonly password: string | undefined;
}

export class People {
  readonly #database: DatabaseSync;
  readonly #byEmail;
  readonly #byUsername;
  readonly #byId;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#byEmail = database.prepare('SELECT * FROM people WHERE email = ?');
    this.#byUsername = database.prepare('SELECT * FROM people WHERE username = ?');
    this.#byId = database.prepare('SELECT * FROM people WHERE id = ?');
  }

  /** By email (contains `@`) or by username, in any case of letters. */
  find(trasaID: string): Person | undefined {
    const name = normalName(trasaID);
    return personOf((name.includes('@') ? this.#byEmail : this.#byUsername).get(name));
  }

  byId(id: string): Person | undefined {
    return personOf(this.#byId.get(id));
  }

  all(): Person[] {
    const rows = this.#database.prepare('SELECT * FROM people ORDER BY email').all();
    return rows.map(personOf).filter(person => person !== undefined);
  }

  /** Undefined if the email or the username is taken. */
  add(email: string, username: string | undefined, password: string | undefined, now: number): Person | undefined {
    const taken = this.find(email) ?? (username === undefined ? undefined : this.find(username));
    if (taken !== undefined) return undefined;
    const id = randomUUID();
    const normalUsername = username === undefined ? null : normalName(username);
    this.#database
      .prepare('INSERT INTO people (id, email, username, enabled, password, created_at) VALUES (?, ?, ?, 1, ?, ?)')
      .run(id, normalName(email), normalUsername, password ?? null, now);
    return this.byId(id);
  }

  setEnabled(id: string, enabled: boolean): void {
    this.#database.prepare('UPDATE people SET enabled = ? WHERE id = ?').run(Number(enabled), id);
  }

  setRole(id: string, role: Role): void {
    this.#database.prepare('UPDATE people SET role = ? WHERE id = ?').run(role, id);
  }

  setPassword(id: string, password: string): void {
    this.#database.prepare('UPDATE people SET password = ? WHERE id = ?').run(password, id);
  }
}

/** The form in which names are kept and compared. */
export function normalName(name: string): string {
  return name.trim().normalize('NFC').toLowerCase();
}

function personOf(row: Row | undefined): Person | undefined {
  if (row === undefined) return undefined;
  return {
    id: textOf(row, 'id'),
    email: textOf(row, 'email'),
    username: optionalTextOf(row, 'username'),
    enabled: flagOf(row, 'enabled'),
    role: textOf(row, 'role') === 'admin' ? 'admin' : 'user',
    password: optionalTextOf(row, 'password'),
  };
}
