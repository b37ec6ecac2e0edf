import { randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { type Row, textOf } from './row.ts';

/** People who are given access together. */
export interface Group {
  readonly id: string;
  readonly name: string;
}

export class Groups {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  find(name: string): Group | undefined {
    const row = this.#database.prepare('SELECT id, name FROM people_groups WHERE name = ?').get(name);
    return row === undefined ? undefined : groupOf(row);
  }

  all(): Group[] {
    return this.#database.prepare('SELECT id, name FROM people_groups ORDER BY name').all().map(groupOf);
  }

  /** Undefined if the name is taken. */
  add(name: string, now: number): Group | undefined {
    if (this.find(name) !== undefined) return undefined;
    const id = randomUUID();
    this.#database.prepare('INSERT INTO people_groups VALUES (?, ?, ?)').run(id, name, now);
    return { id, name };
  }

  /** With all that was granted to it. */
  remove(id: string): void {
    this.#database.prepare('DELETE FROM people_groups WHERE id = ?').run(id);
  }

  /** IDs of people. */
  membersOf(id: string): string[] {
    const members = this.#database.prepare('SELECT person FROM group_members WHERE people_group = ? ORDER BY person');
    return members.all(id).map(row => textOf(row, 'person'));
  }

  addMember(id: string, person: string): void {
    this.#database.prepare('INSERT OR IGNORE INTO group_members VALUES (?, ?)').run(id, person);
  }

  /** False if the person was not in it. */
  removeMember(id: string, person: string): boolean {
    const statement = this.#database.prepare('DELETE FROM group_members WHERE people_group = ? AND person = ?');
    return statement.run(id, person).changes === 1;
  }
}

function groupOf(row: Row): Group {
  return { id: textOf(row, 'id'), name: textOf(row, 'name') };
}
