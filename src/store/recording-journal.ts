import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { inTransaction, openPrivateDatabase } from './private-database.ts';

/**
 * What became of every recording, as lines of JSON each of which has the digest of the one before it: so none can be taken
 * out, put in or changed without all that follow. Several processes may write; SQLite lets them in one after the other.
 */
export class RecordingJournal {
  readonly #database: DatabaseSync;

  /** Throws an Error that says what is wrong with it. */
  constructor(stateDirectory: string) {
    const path = join(stateDirectory, 'recordings.db');
    try {
      this.#database = openPrivateDatabase(path, { version: 1, sql: schema });
    } catch (error) {
      throw new Error(`${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }

  /** The digest of the last line; of none, {@link noLine}. */
  get head(): string {
    return String(
      this.#database.prepare('SELECT hash FROM line ORDER BY number DESC LIMIT 1').get()?.['hash'] ?? noLine,
    );
  }

  /**
   * @param isLasting wait for the disk: what was said before then lasts, too
   * @returns the digest of the new line
   */
  append(event: object, isLasting: boolean): string {
    const database = this.#database;
    database.exec(`PRAGMA synchronous = ${isLasting ? 'FULL' : 'NORMAL'}`);
    return inTransaction(database, () => {
      const line = JSON.stringify({ previous: this.head, ...event });
      const hash = digestOf(line);
      database.prepare('INSERT INTO line (text, hash) VALUES (?, ?)').run(line, hash);
      return hash;
    });
  }

  /**
   * Do the last lines follow one another, and is each what it was? A quick look; all of it is verification's.
   *
   * @returns the number of the first that does not; undefined if all do
   */
  faultyLine(among: number): number | undefined {
    const rows = this.#database
      .prepare('SELECT number, text, hash FROM line ORDER BY number DESC LIMIT ?')
      .all(among + 1)
      .toReversed();
    let before: string | undefined = rows.length <= among ? noLine : undefined; // or there is more before them
    for (const { number, text, hash } of rows) {
      const line = String(text);
      const follows = before === undefined || line.startsWith(`{"previous":"${before}"`);
      if (!follows || digestOf(line) !== hash) return Number(number);
      before = hash;
    }
    return undefined;
  }

  /** Oldest first. */
  *lines(): Iterable<string> {
    for (const row of this.#database.prepare('SELECT text FROM line ORDER BY number').iterate())
      yield String(row['text']);
  }

  /** The same, some at a time: whoever has something else to do meanwhile does it in between. */
  *pages(): Iterable<readonly string[]> {
    const page = this.#database.prepare('SELECT number, text FROM line WHERE number > ? ORDER BY number LIMIT 1000');
    for (let rows = page.all(0); rows.length > 0; rows = page.all(Number(rows.at(-1)?.['number'])))
      yield rows.map(row => String(row['text']));
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

/** Before the first line. */
export const noLine: string = '0'.repeat(64);

export function digestOf(line: string): string {
  return createHash('sha256').update(line).digest('hex');
}

const schema = `
  CREATE TABLE line (number INTEGER PRIMARY KEY, text TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
`;
