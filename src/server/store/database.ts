import { DatabaseSync } from 'node:sqlite';
import { inTransaction } from '../../store/private-database.ts';

/**
 * Opens the server's tables, making them on first use.
 *
 * The server and the `trasa-agent server …` subcommands open the same file at once: WAL lets them, and a writer waits
 * up to five seconds for the other. Every commit is synced (synchronous = FULL): a code that was used stays used.
 */
export function openDatabase(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 5_000, enableForeignKeyConstraints: true });
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON');
  migrate(database);
  return database;
}

/** Row n brings a database from version n to n + 1. Rows are never changed, only added. */
const migrations: readonly string[] = [
  `
  CREATE TABLE people (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,          -- lower case, NFC
    username TEXT UNIQUE,                -- lower case, NFC
    enabled INTEGER NOT NULL,
    password TEXT,                       -- scrypt with its parameters; null: cannot log in by password
    created_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE services (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    key_hash BLOB NOT NULL,              -- SHA-256 of 256 random bits; the key itself is not kept
    hostname TEXT NOT NULL,
    passthru INTEGER NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE totp_credentials (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL REFERENCES people ON DELETE CASCADE,
    secret BLOB NOT NULL,                -- sealed under the master key
    algorithm TEXT NOT NULL,
    digits INTEGER NOT NULL,
    period_seconds INTEGER NOT NULL,
    last_used_step INTEGER,              -- RFC 6238 section 5.2
    created_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX totp_credentials_by_person ON totp_credentials (person);
  CREATE TABLE push_devices (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL REFERENCES people ON DELETE CASCADE,
    name TEXT NOT NULL,
    public_key TEXT NOT NULL,            -- PEM, RSA PUBLIC KEY
    created_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX push_devices_by_person ON push_devices (person);
  CREATE TABLE access (
    person TEXT NOT NULL REFERENCES people ON DELETE CASCADE,
    service TEXT NOT NULL REFERENCES services ON DELETE CASCADE,
    account TEXT NOT NULL,               -- lower case
    tfa_required INTEGER NOT NULL,
    networks TEXT NOT NULL,              -- CIDR blocks, comma separated; empty: anywhere
    hours TEXT NOT NULL,                 -- as typed, checked; empty: always
    time_zone TEXT NOT NULL,             -- IANA name
    last_day TEXT,                       -- YYYY-MM-DD in that zone; null: no end
    PRIMARY KEY (person, service, account)
  ) STRICT;
  CREATE INDEX access_by_account ON access (service, account);
  CREATE TABLE master_key (
    check_value BLOB NOT NULL            -- a known text sealed under the key, to tell a wrong key at the start
  ) STRICT;
  CREATE TABLE throttle (
    key TEXT PRIMARY KEY,
    failures INTEGER NOT NULL,
    last_at INTEGER NOT NULL
  ) STRICT;
  `,
  `
  ALTER TABLE people ADD COLUMN role TEXT NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin'));
  ALTER TABLE services ADD COLUMN host_key TEXT; -- pinned, as in a .pub file; null: none
  `,
  `
  ALTER TABLE services ADD COLUMN kind TEXT NOT NULL DEFAULT 'host' CHECK (kind IN ('host', 'proxy'));
  ALTER TABLE services ADD COLUMN address TEXT;  -- host:port for the access proxy; null: not behind it
  ALTER TABLE services ADD COLUMN record INTEGER NOT NULL DEFAULT 0;
  CREATE TABLE person_keys (
    fingerprint TEXT PRIMARY KEY,        -- SHA256:…
    person TEXT NOT NULL REFERENCES people ON DELETE CASCADE,
    public_key TEXT NOT NULL,            -- as in a .pub file
    created_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX person_keys_by_person ON person_keys (person);
  CREATE TABLE people_groups (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE group_members (
    people_group TEXT NOT NULL REFERENCES people_groups ON DELETE CASCADE,
    person TEXT NOT NULL REFERENCES people ON DELETE CASCADE,
    PRIMARY KEY (people_group, person)
  ) STRICT;
  CREATE INDEX group_members_by_person ON group_members (person);
  ALTER TABLE access RENAME TO access_of_people;
  CREATE TABLE access (
    person TEXT REFERENCES people ON DELETE CASCADE,
    people_group TEXT REFERENCES people_groups ON DELETE CASCADE,
    service TEXT NOT NULL REFERENCES services ON DELETE CASCADE,
    account TEXT NOT NULL,               -- lower case
    tfa_required INTEGER NOT NULL,
    networks TEXT NOT NULL,              -- CIDR blocks, comma separated; empty: anywhere
    hours TEXT NOT NULL,                 -- as typed, checked; empty: always
    time_zone TEXT NOT NULL,             -- IANA name
    last_day TEXT,                       -- YYYY-MM-DD in that zone; null: no end
    session TEXT,                        -- JSON: what may be done there through the access proxy; null: what is usual
    CHECK ((person IS NULL) <> (people_group IS NULL)),
    UNIQUE (person, service, account),
    UNIQUE (people_group, service, account)
  ) STRICT;
  INSERT INTO access (person, service, account, tfa_required, networks, hours, time_zone, last_day)
    SELECT person, service, account, tfa_required, networks, hours, time_zone, last_day FROM access_of_people;
  DROP TABLE access_of_people;
  CREATE INDEX access_by_account ON access (service, account);
  CREATE TABLE vault (
    service TEXT NOT NULL REFERENCES services ON DELETE CASCADE,
    account TEXT NOT NULL,               -- lower case
    kind TEXT NOT NULL CHECK (kind IN ('key', 'password')),
    secret BLOB NOT NULL,                -- sealed under the master key
    created_at INTEGER NOT NULL,
    PRIMARY KEY (service, account)
  ) STRICT;
  `,
];

function migrate(database: DatabaseSync): void {
  try {
    // Two programs may open a new file at once.
    inTransaction(database, () => {
      const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
      if (version > migrations.length) throw new Error('the database was made by a newer trasa-agent');
      for (const step of migrations.slice(version)) database.exec(step);
      database.exec(`PRAGMA user_version = ${migrations.length}`);
    });
  } catch (error) {
    database.close();
    throw error;
  }
}
