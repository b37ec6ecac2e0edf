import type { DatabaseSync } from 'node:sqlite';
import type { CertType } from '../ssh/certificate.ts';
import { publicKeyLine } from '../ssh/key-line.ts';
import type { PublicKey } from '../ssh/public-key.ts';
import { openPrivateDatabase, type Schema } from '../store/private-database.ts';
import {
  columnsOf,
  type Issue,
  issueOf,
  publicKeyIn,
  type ReportRow,
  type Revocation,
  reportOf,
  revocationOf,
} from './issue-rows.ts';

/**
 * What the CA has issued and revoked. Serials are unique, whatever runs beside it and whenever the power fails: they are
 * taken from the disk in blocks, and a block is on the disk before the first of it is used.
 */
export class Issues {
  readonly #database: DatabaseSync;
  readonly #statements: Statements;
  readonly #serialsAtOnce: number;
  #next = 0n;
  #end = 0n;
  #synchronous = 'FULL'; // as the database was opened

  /** @param serialsAtOnce 1 for a command that issues one; more for a service, which then waits for the disk less often */
  constructor(database: DatabaseSync, serialsAtOnce: number) {
    this.#database = database;
    this.#statements = prepare(database);
    this.#serialsAtOnce = serialsAtOnce;
  }

  takeSerial(): bigint {
    if (this.#next === this.#end) {
      this.#synchronize('FULL');
      this.#end = BigInt(Number(this.#statements.reserve.get(this.#serialsAtOnce)?.['next']));
      this.#next = this.#end - BigInt(this.#serialsAtOnce);
    }
    return this.#next++;
  }

  /**
   * The record of what is short-lived does not wait for the disk: should the power fail just then, the certificate is
   * soon gone too, and its serial is not used again.
   */
  record(issue: Issue): void {
    const isShort = issue.validBefore - issue.validAfter <= shortSeconds;
    this.#synchronize(isShort ? 'NORMAL' : 'FULL');
    const { serial, type, keyId, principals, validAfter, validBefore, key, ca, issuedAt } = issue;
    this.#statements.record.run(
      serial,
      type,
      keyId,
      JSON.stringify(principals),
      validAfter,
      validBefore,
      key,
      ca,
      issuedAt,
    );
  }

  /** The newest first. */
  list(limit: number): Issue[] {
    return this.#statements.list.all(limit).map(issueOf);
  }

  /** Those of hosts that end later than that, in seconds since 1970. */
  hostCertificates(after: bigint): Issue[] {
    return this.#statements.hostCertificates.all(after).map(issueOf);
  }

  /** It takes the place of what the host said before. */
  recordReport({ key, trusts, reportedAt }: ReportRow): void {
    this.#synchronize('NORMAL'); // the next one comes tomorrow
    this.#statements.recordReport.run(key, trusts.join(' '), reportedAt);
  }

  reports(): ReportRow[] {
    return this.#statements.reports.all().map(reportOf);
  }

  find(serial: bigint): Issue | undefined {
    const row = serial > maxInteger ? undefined : this.#statements.find.get(serial);
    return row === undefined ? undefined : issueOf(row);
  }

  /** False: it was before. */
  revoke(revocation: Revocation, reason: string, now: number): boolean {
    const { kind, what, ca } = columnsOf(revocation);
    this.#synchronize('FULL');
    return this.#statements.revoke.run(kind, what, ca, reason, now).changes === 1;
  }

  /** In the order in which they were made. */
  revocations(): Revocation[] {
    return this.#statements.revocations.all().map(revocationOf);
  }

  /** Milliseconds since 1970; undefined: nothing was. */
  lastRevokedAt(): number | undefined {
    const last = this.#statements.lastRevoked.get()?.['last'];
    return typeof last === 'number' ? last : undefined;
  }

  /** From now on it is known only by its public half. */
  retire(type: CertType, key: PublicKey, now: number): void {
    this.#synchronize('FULL');
    this.#statements.retire.run(publicKeyLine(key), type, now);
  }

  retired(type: CertType): PublicKey[] {
    return this.#statements.retired.all(type).map(publicKeyIn);
  }

  /** When the last certificate of a CA (`SHA256:…`) ends, in seconds since 1970; undefined if it has none. */
  lastEndOf(ca: string): bigint | undefined {
    const end = this.#statements.lastEnd.get(ca)?.['last'];
    return typeof end === 'bigint' ? end : undefined;
  }

  close(): void {
    this.#database.close();
  }

  #synchronize(level: 'FULL' | 'NORMAL'): void {
    if (level !== this.#synchronous) this.#database.exec(`PRAGMA synchronous = ${level}`);
    this.#synchronous = level;
  }
}

/** Throws an Error that says what is wrong with the database. */
export function openIssues(path: string, serialsAtOnce: number): Issues {
  return new Issues(openPrivateDatabase(path, schema, busyTimeoutMs), serialsAtOnce);
}

/** A login waits no longer; many that issue at once wait for the disk one after the other. */
const busyTimeoutMs = 5_000;
const shortSeconds = 3600n;
const maxInteger = 2n ** 63n - 1n; // SQLite's

const schema: Schema = {
  version: 2,
  sql: `
  CREATE TABLE next_serial (id INTEGER PRIMARY KEY CHECK (id = 1), next INTEGER NOT NULL) STRICT;
  INSERT INTO next_serial VALUES (1, 1);
  CREATE TABLE issued (
    serial INTEGER PRIMARY KEY,
    type TEXT NOT NULL,
    key_id TEXT NOT NULL,
    principals TEXT NOT NULL,            -- JSON
    valid_after INTEGER NOT NULL,        -- seconds since 1970
    valid_before INTEGER NOT NULL,
    key TEXT NOT NULL,                   -- SHA256:…
    ca TEXT NOT NULL,                    -- SHA256:…
    issued_at INTEGER NOT NULL           -- milliseconds since 1970
  ) STRICT;
  CREATE INDEX issued_to_hosts ON issued (valid_before) WHERE type = 'host';
  CREATE TABLE report (
    key TEXT PRIMARY KEY,                -- SHA256:… of a host's certified key
    trusts TEXT NOT NULL,                -- SHA256:… of CAs, between blanks
    reported_at INTEGER NOT NULL         -- milliseconds since 1970
  ) STRICT;
  CREATE TABLE revoked (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,                  -- serial, key-id, key
    what TEXT NOT NULL,
    ca TEXT NOT NULL,                    -- SHA256:… of the CA that a serial is of; else empty
    reason TEXT NOT NULL,
    revoked_at INTEGER NOT NULL,
    UNIQUE (kind, what, ca)
  ) STRICT;
  CREATE TABLE retired (
    key TEXT PRIMARY KEY,                -- as in a .pub file
    type TEXT NOT NULL,
    retired_at INTEGER NOT NULL
  ) STRICT`,
};

type Statements = ReturnType<typeof prepare>;

function prepare(database: DatabaseSync) {
  const statements = {
    reserve: database.prepare('UPDATE next_serial SET next = next + ? RETURNING next'),
    record: database.prepare('INSERT INTO issued VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    list: database.prepare('SELECT * FROM issued ORDER BY serial DESC LIMIT ?'),
    find: database.prepare('SELECT * FROM issued WHERE serial = ?'),
    hostCertificates: database.prepare("SELECT * FROM issued WHERE type = 'host' AND valid_before > ?"),
    recordReport: database.prepare('INSERT OR REPLACE INTO report VALUES (?, ?, ?)'),
    reports: database.prepare('SELECT * FROM report'),
    revoke: database.prepare(
      'INSERT INTO revoked (kind, what, ca, reason, revoked_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
    ),
    revocations: database.prepare('SELECT kind, what, ca FROM revoked ORDER BY id'),
    lastRevoked: database.prepare('SELECT max(revoked_at) AS last FROM revoked'),
    retire: database.prepare('INSERT OR IGNORE INTO retired VALUES (?, ?, ?)'),
    retired: database.prepare('SELECT key FROM retired WHERE type = ? ORDER BY retired_at'),
    lastEnd: database.prepare('SELECT max(valid_before) AS last FROM issued WHERE ca = ?'),
  };
  for (const statement of [
    statements.list,
    statements.hostCertificates,
    statements.reports,
    statements.find,
    statements.lastEnd,
  ])
    statement.setReadBigInts(true);
  return statements;
}
