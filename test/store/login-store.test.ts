import { execFile } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { MemoryError } from '../../src/auth/ports.ts';
import { LoginStore } from '../../src/store/login-store.ts';

const now = 1_700_000_000_000;
const clock = { now: () => now };
const keepMs = 300_000;

t.test('a code is claimed once', async t => {
  const store = open(t, freshDirectory(t));
  t.equal(store.claimCode('alice', '123456', now, keepMs), true);
  t.equal(store.claimCode('alice', '123456', now, keepMs), false);
  t.equal(store.claimCode('alice', '123456', now + keepMs - 1, keepMs), false, 'until it is forgotten');
  t.equal(store.claimCode('bob', '123456', now, keepMs), true, 'the same digits of somebody else are another code');
  t.equal(store.claimCode('alice', '654321', now, keepMs), true);
  t.equal(store.claimCode('alice', '123456', now + keepMs, keepMs), true, 'and no longer');
});

t.test('a code that opened nothing can be given back', async t => {
  const store = open(t, freshDirectory(t));
  store.claimCode('alice', '123456', now, keepMs);
  store.releaseCode('alice', '123456');
  t.equal(store.claimCode('alice', '123456', now, keepMs), true);
  store.releaseCode('alice', '000000');
});

t.test('a code stays used when the clock goes back', async t => {
  const store = open(t, freshDirectory(t));
  store.claimCode('alice', '123456', now, keepMs);
  t.equal(store.claimCode('alice', '123456', now - 86_400_000, keepMs), false);
});

t.test('names and codes are not run together', async t => {
  const store = open(t, freshDirectory(t));
  store.claimCode('alice1', '23456', now, keepMs);
  t.equal(store.claimCode('alice', '123456', now, keepMs), true);
});

t.test('two connections claim a code exactly once', async t => {
  const directory = freshDirectory(t);
  const [one, two] = [open(t, directory), open(t, directory)];
  const claims = [];
  for (let code = 100_000; code < 100_100; code++)
    claims.push([one, two].filter(store => store.claimCode('alice', String(code), now, keepMs)).length);
  t.same(new Set(claims), new Set([1]));
});

t.test('two processes claim a code exactly once', async t => {
  const directory = freshDirectory(t);
  open(t, directory).check();
  const script = `
    import { LoginStore } from ${JSON.stringify(new URL('../../src/store/login-store.ts', import.meta.url).href)};
    const store = new LoginStore(process.argv[1], { now: () => ${now} });
    const mine = [];
    for (let code = 100000; code < 100060; code++)
      if (store.claimCode('alice', String(code), ${now}, ${keepMs})) mine.push(code);
    console.log(JSON.stringify(mine));`;
  const run = async () => await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, directory]);
  const claimed = (await Promise.all([run(), run()])).map(({ stdout }) => JSON.parse(stdout) as number[]);
  t.equal(claimed.flat().length, 60);
  t.equal(new Set(claimed.flat()).size, 60);
});

t.test('what two processes count adds up, and what fails in between leaves nothing behind', async t => {
  const directory = freshDirectory(t);
  const store = open(t, directory);
  store.check();
  const script = `
    import { LoginStore } from ${JSON.stringify(new URL('../../src/store/login-store.ts', import.meta.url).href)};
    const store = new LoginStore(process.argv[1], { now: () => ${now} });
    for (let i = 0; i < 40; i++)
      store.atomically(() => {
        const { failures } = store.throttleOf('k') ?? { failures: 0 };
        store.setThrottle('k', { failures: failures + 1, lastAt: ${now} });
      });`;
  const run = async () => await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, directory]);
  await Promise.all([run(), run()]);
  t.equal(store.throttleOf('k')?.failures, 80);
  t.throws(() =>
    store.atomically(() => {
      store.claimCode('alice', '123456', now, keepMs);
      store.setThrottle('k', undefined);
      throw new Error('something else');
    }),
  );
  t.equal(store.throttleOf('k')?.failures, 80);
  t.equal(store.claimCode('alice', '123456', now, keepMs), true);
});

t.test('what must be remembered survives a restart', async t => {
  const directory = freshDirectory(t);
  const before = new LoginStore(directory, clock);
  before.claimCode('alice', '123456', now, keepMs);
  before.setThrottle('account:alice', { failures: 3, lastAt: now });
  before.holdPush('alice', now + 60_000);
  before.grantGrace('["alice","192.0.2.7",null]', now + 60_000);
  t.ok(before.beginPush('alice'));
  before.close();

  const after = open(t, directory);
  t.equal(after.claimCode('alice', '123456', now, keepMs), false);
  t.same(after.throttleOf('account:alice'), { failures: 3, lastAt: now });
  t.equal(after.pushHeldUntil('alice'), now + 60_000);
  t.equal(after.graceUntil('["alice","192.0.2.7",null]'), now + 60_000);
  t.ok(after.beginPush('alice'), 'but for a live push, which died with the daemon');
});

t.test('what was never remembered', async t => {
  const store = open(t, freshDirectory(t));
  t.equal(store.throttleOf('account:alice'), undefined);
  t.equal(store.pushHeldUntil('alice'), 0);
  t.equal(store.graceUntil('binding'), 0);
});

t.test('a throttle record is replaced and dropped', async t => {
  const store = open(t, freshDirectory(t));
  store.setThrottle('k', { failures: 1, lastAt: 1 });
  store.setThrottle('k', { failures: 2, lastAt: now });
  t.same(store.throttleOf('k'), { failures: 2, lastAt: now });
  store.setThrottle('k', undefined);
  t.equal(store.throttleOf('k'), undefined);
});

t.test('one live push per person', async t => {
  const store = open(t, freshDirectory(t));
  const done = await store.beginPush('alice');
  t.equal(store.beginPush('alice'), undefined);
  t.ok(store.beginPush('bob'));
  done?.();
  t.ok(store.beginPush('alice'));
  done?.();
  t.equal(store.beginPush('alice'), undefined, 'ending the first again does not end the second');
});

t.test('old rows are purged', async t => {
  const directory = freshDirectory(t);
  const store = new LoginStore(directory, clock);
  store.setThrottle('account:old', { failures: 1, lastAt: now - 8 * 86_400_000 });
  store.holdPush('old', now - 1);
  store.grantGrace('old', now - 1);
  store.claimCode('old', '123456', now - keepMs, keepMs);
  store.close();
  const later = open(t, directory);
  later.claimCode('new', '123456', now, keepMs); // the first write after a start purges
  t.equal(later.throttleOf('account:old'), undefined);
  t.same(counts(directory), { throttle: 0, used_code: 1, push_hold: 0, grace: 0 });
});

t.test('what still counts is not purged', async t => {
  const directory = freshDirectory(t);
  const store = new LoginStore(directory, clock);
  store.setThrottle('account:young', { failures: 9, lastAt: now - 6 * 86_400_000 });
  store.holdPush('young', now + 1);
  store.grantGrace('young', now + 1);
  store.claimCode('young', '123456', now - keepMs + 1, keepMs);
  store.close();
  const later = open(t, directory);
  later.claimCode('new', '123456', now, keepMs); // purges
  t.same(counts(directory), { throttle: 1, used_code: 2, push_hold: 1, grace: 1 });
});

t.test('a guesser with many addresses fills no disk: the oldest records go', async t => {
  const directory = freshDirectory(t);
  open(t, directory).check();
  const most = 100_000;
  alter(
    join(directory, 'logins.db'),
    `WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < ${most + 50})
     INSERT INTO throttle SELECT 'address:' || value, 1, ${now} - value FROM n`,
  );
  const store = open(t, directory);
  store.holdPush('alice', now + 1); // purges
  t.equal(counts(directory)['throttle'], most);
  t.ok(store.throttleOf('address:1'));
  t.ok(store.throttleOf(`address:${most}`));
  t.equal(store.throttleOf(`address:${most + 1}`), undefined);
});

t.test('it is purged again and again while it is open', async t => {
  const store = open(t, freshDirectory(t));
  store.grantGrace('old', now - 1); // purged before it
  for (let writes = 0; writes < 499; writes++) store.setThrottle('k', undefined);
  t.equal(store.graceUntil('old'), now - 1);
  store.setThrottle('k', undefined);
  t.equal(store.graceUntil('old'), 0);
});

t.test('it is opened once, and used again after it was closed', async t => {
  const directory = freshDirectory(t);
  const store = open(t, directory);
  const descriptors = () =>
    readdirSync('/proc/self/fd').filter(fd => readlink(`/proc/self/fd/${fd}`).startsWith(directory)).length;
  store.holdPush('alice', now + 1);
  const one = descriptors();
  t.ok(one > 0);
  for (let uses = 0; uses < 5; uses++) store.pushHeldUntil('alice');
  t.equal(descriptors(), one);
  store.close();
  t.equal(descriptors(), 0);
  t.equal(store.pushHeldUntil('alice'), now + 1);
});

t.test('a write that fails half-way leaves nothing behind, and the next one works', async t => {
  const store = open(t, freshDirectory(t));
  t.throws(() => store.setThrottle('k', { failures: 1.5, lastAt: now }), MemoryError, 'the column takes integers');
  store.setThrottle('k', { failures: 2, lastAt: now });
  t.same(store.throttleOf('k'), { failures: 2, lastAt: now });
});

t.test('codes and their owners are not in the file as plain text', async t => {
  const directory = freshDirectory(t);
  open(t, directory).claimCode('person:alice@example.com', '918273', now, keepMs);
  for (const name of readdirSync(directory)) {
    const bytes = readFileSync(join(directory, name)).toString('latin1');
    t.notMatch(bytes, /918273|alice/, name);
  }
});

t.test('only the service can read it', async t => {
  const directory = join(freshDirectory(t), 'made');
  const before = process.umask(0);
  t.teardown(() => process.umask(before));
  open(t, directory).holdPush('alice', now + 1);
  t.equal(statSync(directory).mode & 0o777, 0o700);
  t.ok(readdirSync(directory).includes('logins.db-wal'));
  for (const name of readdirSync(directory)) t.equal(statSync(join(directory, name)).mode & 0o777, 0o600, name);
});

t.test('a place that is not safe is refused', async t => {
  const cases: Record<string, (directory: string) => void> = {
    'a directory open to others': directory => chmodSync(directory, 0o750),
    "somebody else's directory": directory => chownSync(directory, 12_345, 12_345),
    'a file open to others': directory => writeFileSync(join(directory, 'logins.db'), '', { mode: 0o644 }),
    'a symbolic link': directory => symlinkSync('/dev/null', join(directory, 'logins.db')),
    'a directory in its place': directory => mkdirSync(join(directory, 'logins.db')),
  };
  for (const [title, spoil] of Object.entries(cases)) {
    if (title.startsWith('somebody') && process.geteuid?.() !== 0) continue;
    const directory = freshDirectory(t);
    spoil(directory);
    t.throws(() => open(t, directory).check(), MemoryError, title);
  }
  const link = join(freshDirectory(t), 'link');
  symlinkSync(freshDirectory(t), link);
  t.throws(() => open(t, link).check(), MemoryError, 'a symbolic link to the directory');
});

t.test('a damaged database is refused by every method and left as it is', async t => {
  const cases: Record<string, (path: string) => void> = {
    garbage: path => writeFileSync(path, 'garbage '.repeat(1000)),
    'cut short': path => truncateSync(path, 5000),
    'a page overwritten': path => {
      const bytes = readFileSync(path);
      bytes.fill(0xff, 4096, 8192);
      writeFileSync(path, bytes);
    },
    'a newer version': path => alter(path, 'PRAGMA user_version = 99'),
    'no key': path => alter(path, 'DELETE FROM secret'),
    'a short key': path => alter(path, "UPDATE secret SET key = x'00'"),
  };
  for (const [title, spoil] of Object.entries(cases)) {
    const directory = freshDirectory(t);
    const healthy = new LoginStore(directory, clock);
    healthy.claimCode('alice', '123456', now, keepMs);
    healthy.close();
    const path = join(directory, 'logins.db');
    spoil(path);
    const spoilt = readFileSync(path);

    const store = open(t, directory);
    t.throws(() => store.check(), MemoryError, title);
    t.throws(() => store.claimCode('alice', '123456', now, keepMs), { message: /logins\.db: / });
    t.throws(() => store.throttleOf('k'), MemoryError);
    t.throws(() => store.setThrottle('k', undefined), MemoryError);
    t.throws(() => store.releaseCode('alice', '123456'), MemoryError);
    t.throws(() => store.pushHeldUntil('alice'), MemoryError);
    t.throws(() => store.holdPush('alice', 1), MemoryError);
    t.throws(() => store.graceUntil('b'), MemoryError);
    t.throws(() => store.grantGrace('b', 1), MemoryError);
    t.same(readFileSync(path), spoilt, 'untouched');
  }
});

t.test('a place that is mended is used without a restart', async t => {
  const directory = freshDirectory(t);
  chmodSync(directory, 0o755);
  const store = open(t, directory);
  t.throws(() => store.holdPush('alice', now), MemoryError);
  chmodSync(directory, 0o700);
  store.holdPush('alice', now);
  t.equal(store.pushHeldUntil('alice'), now);
});

t.test('a database that takes no writes denies, and nothing half-done remains', async t => {
  const directory = freshDirectory(t);
  const store = open(t, directory);
  store.claimCode('alice', '123456', now, keepMs);
  // Another process holds the write lock for longer than we wait.
  const other = new DatabaseSync(join(directory, 'logins.db'));
  other.exec('BEGIN IMMEDIATE');
  t.throws(() => store.claimCode('alice', '111111', now, keepMs), MemoryError);
  other.exec('ROLLBACK');
  other.close();
  t.equal(store.claimCode('alice', '111111', now, keepMs), true);
});

t.test('once a write has failed, reading fails too, until a write succeeds', async t => {
  const directory = freshDirectory(t);
  const store = open(t, directory);
  store.check();
  const other = new DatabaseSync(join(directory, 'logins.db'));
  t.teardown(() => other.close());
  for (const [name, on] of [
    ['claim', 'INSERT ON used_code'],
    ['touch', 'UPDATE ON secret'],
  ])
    other.exec(`CREATE TRIGGER ${name} BEFORE ${on} BEGIN SELECT RAISE(ABORT, 'no room'); END`);
  t.equal(store.throttleOf('account:alice'), undefined, 'nobody has tried to write yet');
  t.throws(() => store.claimCode('alice', '123456', now, keepMs), MemoryError);
  t.throws(() => store.throttleOf('account:alice'), /no room/);
  other.exec('DROP TRIGGER touch; DROP TRIGGER claim');
  t.equal(store.throttleOf('account:alice'), undefined);
  t.equal(store.claimCode('alice', '123456', now, keepMs), true);
});

function freshDirectory(t: Test): string {
  const directory = t.testdir();
  const fresh = join(directory, `state${readdirSync(directory).length}`);
  mkdirSync(fresh, { mode: 0o700 });
  return fresh;
}

function open(t: Test, directory: string): LoginStore {
  const store = new LoginStore(directory, clock);
  t.teardown(() => store.close());
  return store;
}

/** Empty for what went away meanwhile. */
function readlink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function alter(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

function counts(directory: string): Record<string, unknown> {
  const database = new DatabaseSync(join(directory, 'logins.db'), { readOnly: true });
  const count = (table: string) => database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n'];
  const all = Object.fromEntries(['throttle', 'used_code', 'push_hold', 'grace'].map(table => [table, count(table)]));
  database.close();
  return all;
}
