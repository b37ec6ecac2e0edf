import type { DatabaseSync } from 'node:sqlite';
import { flagOf, optionalTextOf, type Row, textOf } from './row.ts';

/** A person may enter an account of a service, on these terms. */
export interface Grant {
  readonly person: string;
  readonly service: string;
  /** The Unix account, normalised. */
  readonly account: string;
  readonly tfaRequired: boolean;
  /** CIDR blocks from which the person may come; empty: from anywhere. */
  readonly networks: readonly string[];
  /** As policy/hours.ts reads it; empty: always. */
  readonly hours: string;
  /** IANA name; `hours` and `lastDay` are meant there. */
  readonly timeZone: string;
  /** The last day, YYYY-MM-DD; undefined: no end. */
  readonly lastDay: string | undefined;
}

export class AccessMap {
  readonly #database: DatabaseSync;
  readonly #find;
  readonly #mapped;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#find = database.prepare('SELECT * FROM access WHERE person = ? AND service = ? AND account = ?');
    this.#mapped = database.prepare('SELECT 1 FROM access WHERE service = ? AND account = ? LIMIT 1');
  }

  find(person: string, service: string, account: string): Grant | undefined {
    const row = this.#find.get(person, service, account);
    return row === undefined ? undefined : grantOf(row);
  }

  /** Is this account of the service mapped to anybody? */
  maps(service: string, account: string): boolean {
    return this.#mapped.get(service, account) !== undefined;
  }

  all(): Grant[] {
    return this.#database.prepare('SELECT * FROM access ORDER BY service, account, person').all().map(grantOf);
  }

  /** Takes the place of an earlier grant of the same account to the same person. */
  grant(grant: Grant): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO access VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
      .run(
        grant.person,
        grant.service,
        grant.account,
        Number(grant.tfaRequired),
        grant.networks.join(','),
        grant.hours,
        grant.timeZone,
        grant.lastDay ?? null,
      );
  }

  /** False if there was none. */
  revoke(person: string, service: string, account: string): boolean {
    const statement = this.#database.prepare('DELETE FROM access WHERE person = ? AND service = ? AND account = ?');
    return statement.run(person, service, account).changes === 1;
  }
}

/** Accounts as TRASA compares them: lower case, without the backslash of a Windows "this machine". */
export function normalAccount(user: string): string {
  return user.replace(/^\\/, '').trim().toLowerCase();
}

function grantOf(row: Row): Grant {
  return {
    person: textOf(row, 'person'),
    service: textOf(row, 'service'),
    account: textOf(row, 'account'),
    tfaRequired: flagOf(row, 'tfa_required'),
    networks: textOf(row, 'networks').split(',').filter(Boolean),
    hours: textOf(row, 'hours'),
    timeZone: textOf(row, 'time_zone'),
    lastDay: optionalTextOf(row, 'last_day'),
  };
}
