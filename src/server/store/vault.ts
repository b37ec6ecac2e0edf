import type { DatabaseSync } from 'node:sqlite';
import { Secret } from '../../otp/secret.ts';
import type { Seal } from '../../store/seal.ts';
import { bytesOf, numberOf, type Row, textOf } from './row.ts';

export type VaultKind = 'key' | 'password';

/** That an account of a service is opened by something kept here, and since when; not what it is. */
export interface VaultEntry {
  readonly service: string;
  /** The Unix account, normalised. */
  readonly account: string;
  readonly kind: VaultKind;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** What opens accounts of hosts that take no certificate: a private key or a password, sealed. */
export class Vault {
  readonly #database: DatabaseSync;
  readonly #seal: Seal;

  constructor(database: DatabaseSync, seal: Seal) {
    this.#database = database;
    this.#seal = seal;
  }

  all(): VaultEntry[] {
    const rows = this.#database.prepare('SELECT service, account, kind, created_at FROM vault');
    return rows.all().map(entryOf);
  }

  /** Throws if the secret cannot be unsealed: another master key, or somebody changed the row. */
  open(service: string, account: string): { readonly kind: VaultKind; readonly secret: Secret } | undefined {
    const row = this.#database.prepare('SELECT * FROM vault WHERE service = ? AND account = ?').get(service, account);
    if (row === undefined) return undefined;
    const { kind } = entryOf(row);
    const plain = this.#seal.open(bytesOf(row, 'secret'), place(service, account, kind));
    return { kind, secret: new Secret(plain.toString('utf8')) };
  }

  /** Takes the place of what was there for that account. */
  set({ service, account, kind, createdAt }: VaultEntry, secret: Secret): void {
    const sealed = this.#seal.close(Buffer.from(secret.expose(), 'utf8'), place(service, account, kind));
    this.#database
      .prepare('INSERT OR REPLACE INTO vault VALUES (?, ?, ?, ?, ?)')
      .run(service, account, kind, sealed, createdAt);
  }

  /** False if there was none. */
  remove(service: string, account: string): boolean {
    const statement = this.#database.prepare('DELETE FROM vault WHERE service = ? AND account = ?');
    return statement.run(service, account).changes === 1;
  }
}

function entryOf(row: Row): VaultEntry {
  return {
    service: textOf(row, 'service'),
    account: textOf(row, 'account'),
    kind: textOf(row, 'kind') === 'key' ? 'key' : 'password',
    createdAt: numberOf(row, 'created_at'),
  };
}

/** What a sealed secret is bound to: moved to another account it does not open. */
function place(service: string, account: string, kind: VaultKind): string {
  return `vault/${service}/${account}/${kind}`;
}
