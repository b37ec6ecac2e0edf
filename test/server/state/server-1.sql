-- A database of version 1, with a person who may enter an account.
CREATE TABLE people (
  id TEXT PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,
  username TEXT UNIQUE,
  enabled INTEGER NOT NULL,
  password TEXT,
  created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE services (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  key_hash BLOB NOT NULL,
  hostname TEXT NOT NULL,
  passthru INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE totp_credentials (
  id TEXT PRIMARY KEY,
  person TEXT NOT NULL REFERENCES people ON DELETE CASCADE,
  secret BLOB NOT NULL,
  algorithm TEXT NOT NULL,
  digits INTEGER NOT NULL,
  period_seconds INTEGER NOT NULL,
  last_used_step INTEGER,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX totp_credentials_by_person ON totp_credentials (person);
CREATE TABLE push_devices (
  id TEXT PRIMARY KEY,
  person TEXT NOT NULL REFERENCES people ON DELETE CASCADE,
  name TEXT NOT NULL,
  public_key TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX push_devices_by_person ON push_devices (person);
CREATE TABLE access (
  person TEXT NOT NULL REFERENCES people ON DELETE CASCADE,
  service TEXT NOT NULL REFERENCES services ON DELETE CASCADE,
  account TEXT NOT NULL,
  tfa_required INTEGER NOT NULL,
  networks TEXT NOT NULL,
  hours TEXT NOT NULL,
  time_zone TEXT NOT NULL,
  last_day TEXT,
  PRIMARY KEY (person, service, account)
) STRICT;
CREATE INDEX access_by_account ON access (service, account);
CREATE TABLE master_key (
  check_value BLOB NOT NULL
) STRICT;
CREATE TABLE throttle (
  key TEXT PRIMARY KEY,
  failures INTEGER NOT NULL,
  last_at INTEGER NOT NULL
) STRICT;
INSERT INTO people (id, email, username, enabled, created_at)
  VALUES ('person-1', 'alice@example.com', 'alice', 1, 0);
INSERT INTO services (id, name, key_hash, hostname, passthru, created_at)
  VALUES ('service-1', 'web1', zeroblob(32), 'web1.example.com', 0, 0);
INSERT INTO access VALUES ('person-1', 'service-1', 'deploy', 1, '10.0.0.0/8,192.0.2.7/32', 'Mon-Fri 08:00-18:00',
  'Europe/Paris', '2030-12-31');
PRAGMA user_version = 1;
