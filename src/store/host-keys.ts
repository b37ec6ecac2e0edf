/**
 * Keys of hosts that no configuration names: those that were taken on first use (`pinned`), and those that wait for an
 * administrator (`held`). By host and port, which are those of the connection on which the key was proved.
 *
 * Several processes may use it at once: each looks and writes in one transaction.
 */
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { inTransaction, openPrivateDatabase } from './private-database.ts';

export interface HostAddress {
  readonly host: string;
  readonly port: number;
}

export interface StoredHostKey {
  readonly state: 'pinned' | 'held';
  /** As it is on the wire (RFC 4253 §6.6). */
  readonly blob: Buffer;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Who saw it first, or let it be taken. */
  readonly by: string;
}

/** How many of one host may wait: who is in between can make keys without end. */
const maxHeld = 8;

/** Its methods throw if the state cannot be read or written. */
export class HostKeyStore {
  readonly #database: DatabaseSync;

  /** Throws an Error that says what is wrong with the file. */
  constructor(directory: string) {
    const file = join(directory, 'host-keys.db');
    try {
      this.#database = openPrivateDatabase(file, { version: 1, sql: schema });
    } catch (error) {
      throw new Error(`${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }

  close(): void {
    this.#database.close();
  }

  keysOf(address: HostAddress): StoredHostKey[] {
    const { host, port } = folded(address);
    const rows = this.#database
      .prepare('SELECT state, blob, since, by FROM host_key WHERE host = ? AND port = ? ORDER BY since, blob')
      .all(host, port);
    return rows.flatMap(({ state, blob, since, by }) =>
      (state === 'pinned' || state === 'held') && blob instanceof Uint8Array
        ? [{ state, blob: Buffer.from(blob), since: Number(since), by: String(by) }]
        : [],
    );
  }

  /** Takes a key on first use. False: it is not the first any more, and another one is pinned. */
  pinFirst(address: HostAddress, blob: Buffer, by: string, now: number): boolean {
    return inTransaction(this.#database, () => {
      const pinned = this.keysOf(address).filter(key => key.state === 'pinned');
      if (pinned.length > 0) return pinned.some(key => key.blob.equals(blob));
      this.#put(address, 'pinned', blob, by, now);
      return true;
    });
  }

  /** Keeps a key for an administrator to look at. False: too many wait already. */
  hold(address: HostAddress, blob: Buffer, by: string, now: number): boolean {
    return inTransaction(this.#database, () => {
      const known = this.keysOf(address);
      if (known.some(key => key.blob.equals(blob))) return true;
      if (known.filter(key => key.state === 'held').length >= maxHeld) return false;
      this.#put(address, 'held', blob, by, now);
      return true;
    });
  }

  /** What the administrator has looked at, beside what is pinned already: a host may have keys of several kinds. */
  accept(address: HostAddress, blob: Buffer, by: string, now: number): void {
    this.#put(address, 'pinned', blob, by, now);
  }

  /** @returns how many were forgotten */
  forget(address: HostAddress): number {
    const { host, port } = folded(address);
    return Number(this.#database.prepare('DELETE FROM host_key WHERE host = ? AND port = ?').run(host, port).changes);
  }

  #put(address: HostAddress, state: StoredHostKey['state'], blob: Buffer, by: string, now: number): void {
    const { host, port } = folded(address);
    this.#database
      .prepare('INSERT OR REPLACE INTO host_key (host, port, blob, state, since, by) VALUES (?, ?, ?, ?, ?, ?)')
      .run(host, port, blob, state, now, by);
  }
}

function folded({ host, port }: HostAddress): HostAddress {
  return { host: host.toLowerCase(), port };
}

const schema = `
  CREATE TABLE host_key (
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    blob BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pinned', 'held')),
    since INTEGER NOT NULL,
    by TEXT NOT NULL,
    PRIMARY KEY (host, port, blob)
  ) STRICT;
`;
