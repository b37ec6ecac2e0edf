import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { Secret } from '../../../src/otp/secret.ts';
import { usualTerms } from '../../../src/policy/session-terms.ts';
import { openState, type ServerState } from '../../../src/server/state/open-state.ts';
import { addAlice, secret } from '../test-server.ts';

function open(directory: string, masterKey?: string): ServerState {
  const opened = openState(directory, masterKey);
  if (opened.kind === 'broken') throw new Error(opened.text);
  return opened.state;
}

t.test('the state is its user’s alone', async t => {
  const directory = join(t.testdir(), 'state');
  const state = open(directory);
  t.equal(statSync(directory).mode & 0o777, 0o700);
  await addAlice(state);
  const files = readdirSync(directory);
  t.ok(files.includes('server.db') && files.includes('master.key'));
  for (const file of files) t.equal(statSync(join(directory, file)).mode & 0o777, 0o600, file);
  state.close();
});

t.test('neither secrets nor keys nor passwords are on disk as they are', async t => {
  const directory = join(t.testdir(), 'state');
  const state = open(directory);
  const { serviceID, serviceKey } = await addAlice(state, { password: 'correct horse' });
  const entry = { service: serviceID, account: 'admin', kind: 'password', createdAt: 0 } as const;
  state.vault.set(entry, new Secret('open sesame'));
  const base32 = secret.expose();
  for (const at of ['before', 'after']) {
    const onDisk = readdirSync(directory)
      .map(file => readFileSync(join(directory, file), 'latin1'))
      .join();
    t.ok(onDisk.includes('alice@example.com'), `${at} closing: it is the right place`);
    for (const text of [base32, '12345678901234567890', serviceKey, 'correct horse', 'open sesame'])
      t.notOk(onDisk.includes(text), `${at} closing`);
    if (at === 'before') state.close();
  }
});

t.test('a database of before is brought up to date, and nobody in it is an administrator', async t => {
  for (const version of [1, 2]) {
    const directory = join(t.testdir(), 'state');
    mkdirSync(directory, { mode: 0o700 });
    writeFileSync(join(directory, 'master.key'), `${Buffer.alloc(32, 7).toString('base64')}\n`, { mode: 0o600 });
    const database = new DatabaseSync(join(directory, 'server.db'));
    database.exec(readFileSync(join(import.meta.dirname, `server-${version}.sql`), 'utf8'));
    database.close();
    const state = open(directory);
    const alice = state.people.find('alice');
    t.equal(alice?.role, 'user', `version ${version}`);
    const service = state.services.find('web1');
    t.match(service, { kind: 'host', hostKey: undefined, address: undefined, record: false });
    const grant = state.access.find(alice?.id ?? '', service?.id ?? '', 'deploy');
    t.match(grant, {
      holder: { kind: 'person', id: alice?.id },
      tfaRequired: true,
      networks: ['10.0.0.0/8', '192.0.2.7/32'],
      hours: 'Mon-Fri 08:00-18:00',
      timeZone: 'Europe/Paris',
      lastDay: '2030-12-31',
      session: usualTerms(),
    });
    t.equal(state.access.all().length, 1);
    t.same([state.keys.all(), state.groups.all(), state.vault.all()], [[], [], []]);
    state.close();
  }
});

t.test('what was stored is there again', async t => {
  const directory = join(t.testdir(), 'state');
  const first = open(directory);
  const { person, serviceID, serviceKey } = await addAlice(first);
  for (let guess = 0; guess < 5; guess += 1) first.guesses.wrong('totp', person.id, 1000);
  first.close();

  const again = open(directory);
  t.teardown(() => again.close());
  t.same(again.people.find('alice'), person);
  t.equal(again.services.authenticate(serviceID, serviceKey)?.name, 'web1');
  t.equal(again.credentials.ofPerson(person.id)[0]?.secret.expose(), secret.expose());
  t.ok(again.guesses.held('totp', person.id, 2000), 'the throttle, too');
  t.notOk(again.guesses.held('password', person.id, 2000));
});

t.test('two programs work on it at once', async t => {
  const directory = join(t.testdir(), 'state');
  const server = open(directory);
  const command = open(directory);
  t.teardown(() => [server, command].forEach(state => state.close()));
  const { person } = await addAlice(command);
  t.same(server.people.find('alice'), person);
  const [credential] = server.credentials.ofPerson(person.id);
  const step = 7 as Parameters<typeof server.credentials.use>[1];
  t.ok(server.credentials.use(credential?.id ?? '', step));
  t.notOk(command.credentials.use(credential?.id ?? '', step), 'a step is used once among them');
});

t.test('a directory that others can enter is refused', async t => {
  const directory = join(t.testdir({ state: {} }), 'state');
  chmodSync(directory, 0o750);
  t.match(openState(directory), { kind: 'broken', text: /can be entered by others/ });
});

t.test('a link, a file, or a place that cannot be made is refused', async t => {
  const base = t.testdir({ real: {}, file: '' });
  chmodSync(join(base, 'real'), 0o700);
  symlinkSync('real', join(base, 'link'));
  t.match(openState(join(base, 'link')), { kind: 'broken', text: /not a directory/ });
  t.match(openState(join(base, 'file')), { kind: 'broken' });
  t.match(openState(join(base, 'file', 'state')), { kind: 'broken' });
});

t.test('a database that is none, or is of the future, is refused', async t => {
  const base = t.testdir();
  const garbage = join(base, 'garbage');
  open(garbage).close();
  writeFileSync(join(garbage, 'server.db'), 'x'.repeat(8192));
  t.match(openState(garbage), { kind: 'broken', text: /server\.db: file is not a database/ });
  const future = join(base, 'future');
  open(future).close();
  const database = new DatabaseSync(join(future, 'server.db'));
  database.exec('PRAGMA user_version = 999');
  database.close();
  t.match(openState(future), { kind: 'broken', text: /newer trasa-agent/ });
});

t.test('the master key', async t => {
  const base = t.testdir({ other: `${Buffer.alloc(32, 7).toString('base64')}\n`, short: 'AAAA\n', open: '' });
  for (const name of ['other', 'short']) chmodSync(join(base, name), 0o600);
  const directory = join(base, 'state');

  await t.test('may lie elsewhere', async t => {
    const apart = join(base, 'apart');
    const state = open(apart, join(base, 'other'));
    t.notOk(readdirSync(apart).includes('master.key'));
    state.close();
    t.match(openState(apart), { kind: 'broken', text: /master\.key: does not exist/ }, 'and then is needed');
  });

  await t.test('is not silently made anew', async t => {
    open(directory).close();
    const file = join(directory, 'master.key');
    const key = readFileSync(file);
    rmSync(file);
    t.match(openState(directory), { kind: 'broken', text: /does not exist/ });
    writeFileSync(file, key, { mode: 0o600 });
    open(directory).close();
  });

  await t.test('is refused if it is another one, or none', async t => {
    t.match(openState(directory, join(base, 'other')), { kind: 'broken', text: /another master key/ });
    t.match(openState(directory, join(base, 'short')), { kind: 'broken', text: /is not a master key/ });
    t.match(openState(directory, join(base, 'missing')), { kind: 'broken', text: /does not exist/ });
    chmodSync(join(base, 'open'), 0o644);
    t.match(openState(directory, join(base, 'open')), { kind: 'broken', text: /can be read by everyone/ });
  });
});

const isRoot = process.geteuid?.() === 0;
t.test('root becomes the user whose directory it is', { skip: isRoot ? false : 'needs root' }, async t => {
  const directory = mkdtempSync(join(tmpdir(), 'trasa-state-')); // nobody may not get at a checkout in /root
  t.teardown(() => rmSync(directory, { recursive: true }));
  chownSync(directory, 65534, 65534);
  const module = pathToFileURL(join(import.meta.dirname, '../../../src/server/state/open-state.ts')).href;
  const script = `
    const { openState } = await import(${JSON.stringify(module)});
    const opened = openState(${JSON.stringify(directory)});
    opened.state?.close();
    console.log(opened.kind, opened.text, process.geteuid(), process.getegid(), process.getgroups().join());`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  t.equal(stdout.trim(), 'open undefined 65534 65534 65534');
  for (const file of readdirSync(directory)) t.equal(statSync(join(directory, file)).uid, 65534, file);
});
