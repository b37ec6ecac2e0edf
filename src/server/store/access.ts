import type { DatabaseSync } from 'node:sqlite';
import { readSessionTerms, type SessionTerms, usualTerms } from '../../policy/session-terms.ts';
import { parseObject } from '../json.ts';
import { flagOf, optionalTextOf, type Row, textOf } from './row.ts';

/** Whoever may enter an account of a service, on these terms. */
export interface Grant {
  readonly holder: Holder;
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
  /** What may be done there. The access proxy sees to that; a host that asks by itself cannot. */
  readonly session: SessionTerms;
}

/** By its ID: a person, or everybody in a group. */
export interface Holder {
  readonly kind: 'person' | 'group';
  readonly id: string;
}

export class AccessMap {
  readonly #database: DatabaseSync;
  readonly #find;
  readonly #mapped;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#find = database.prepare(`
      SELECT access.* FROM access LEFT JOIN people_groups ON people_groups.id = access.people_group
      WHERE service = ?2 AND account = ?3 AND (
        person = ?1 OR people_group IN (SELECT people_group FROM group_members WHERE group_members.person = ?1))
      ORDER BY people_groups.name NULLS FIRST LIMIT 1`);
    this.#mapped = database.prepare('SELECT 1 FROM access WHERE service = ? AND account = ? LIMIT 1');
  }

  /** The one that decides: the person's own, else that of the first of their groups by name that has one. */
  find(person: string, service: string, account: string): Grant | undefined {
    const row = this.#find.get(person, service, account);
    return row === undefined ? undefined : grantOf(row);
  }

  /** Is this account of the service mapped to anybody? */
  maps(service: string, account: string): boolean {
    return this.#mapped.get(service, account) !== undefined;
  }

  /** Those that decide before others come before them. */
  all(): Grant[] {
    const order = 'ORDER BY service, account, people_groups.name NULLS FIRST, person';
    const joined = 'access LEFT JOIN people_groups ON people_groups.id = access.people_group';
    return this.#database.prepare(`SELECT access.* FROM ${joined} ${order}`).all().map(grantOf);
  }

  /** Takes the place of an earlier grant of the same account to the same holder. */
  grant(grant: Grant): void {
    const { holder } = grant;
    this.#database
      .prepare('INSERT OR REPLACE INTO access VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(
        holder.kind === 'person' ? holder.id : null,
        holder.kind === 'group' ? holder.id : null,
        grant.service,
        grant.account,
        Number(grant.tfaRequired),
        grant.networks.join(','),
        grant.hours,
        grant.timeZone,
        grant.lastDay ?? null,
        JSON.stringify(grant.session),
      );
  }

  /** False if there was none. */
  revoke({ kind, id }: Holder, service: string, account: string): boolean {
    const column = kind === 'person' ? 'person' : 'people_group';
    const statement = this.#database.prepare(`DELETE FROM access WHERE ${column} = ? AND service = ? AND account = ?`);
    return statement.run(id, service, account).changes === 1;
  }
}

/** Accounts as TRASA compares them: lower case, without the backslash of a Windows "this machine". */
export function normalAccount(user: string): string {
  return user.replace(/^\\/, '').trim().toLowerCase();
}

function grantOf(row: Row): Grant {
  const person = optionalTextOf(row, 'person');
  return {
    holder: person === undefined ? { kind: 'group', id: textOf(row, 'people_group') } : { kind: 'person', id: person },
    service: textOf(row, 'service'),
    account: textOf(row, 'account'),
    tfaRequired: flagOf(row, 'tfa_required'),
    networks: textOf(row, 'networks').split(',').filter(Boolean),
    hours: textOf(row, 'hours'),
    timeZone: textOf(row, 'time_zone'),
    lastDay: optionalTextOf(row, 'last_day'),
    session: sessionOf(optionalTextOf(row, 'session')),
  };
}

function sessionOf(text: string | undefined): SessionTerms {
  if (text === undefined) return usualTerms();
  const terms = readSessionTerms(parseObject(text));
  if (terms === undefined) throw new TypeError('the terms of a session that we did not write');
  return terms;
}
