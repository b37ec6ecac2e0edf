import { execFile, spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { openAudit } from '../../src/audit/audit-log.ts';
import type { DecisionEvent } from '../../src/auth/ports.ts';

const module = new URL('../../src/audit/audit-log.ts', import.meta.url).href;
const clock = { now: () => 1_700_000_000_000 };

const event: DecisionEvent = {
  event: 'decision',
  attempt: '01JD0000000000000000000000',
  door: 'login',
  uid: 1001,
  service: 'sshd',
  account: 'alice',
  person: 'alice@example.com',
  client: '192.0.2.7',
  tty: '/dev/pts/3',
  key: null,
  command: null,
  factor: 'totp',
  decision: 'allow',
  reason: 'totp',
  detail: null,
  server: 'https://trasa.example.com',
  totalMs: 1200,
  verifyMs: 80,
};

t.test('a decision is one line of JSON with every field', async t => {
  const { lines, audit } = toLines('');
  audit.decision(event);
  t.equal(lines.length, 1);
  t.match(lines[0], /^[^\n]*\n$/);
  t.same(JSON.parse(lines[0] ?? ''), { time: '2023-11-14T22:13:20.000Z', ...event });
});

t.test('what came from elsewhere cannot draw on a terminal or make a line of its own', async t => {
  const { lines, audit } = toLines('');
  const evil = 'a\n{"event":"decision"}\u001b[2J\u0085\u202e\u2028\ud800';
  audit.decision({ ...event, account: evil, person: evil, command: evil, detail: evil, server: evil, service: evil });
  const [line = ''] = lines;
  t.equal(line.indexOf('\n'), line.length - 1);
  t.notMatch(line.trimEnd(), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
  t.notMatch(line, /\\u001b|\\n/, 'nor when it is decoded');
});

t.test('a value of a megabyte is cut', async t => {
  const { lines, audit } = toLines('');
  audit.decision({ ...event, detail: 'x'.repeat(1_000_000) });
  t.ok((lines[0] ?? '').length < 3000);
});

t.test('the file gets the same lines as standard output', async t => {
  const path = join(t.testdir(), 'audit.log');
  const { lines, audit } = toLines(path);
  const before = process.umask(0);
  audit.decision(event);
  process.umask(before);
  audit.decision({ ...event, account: 'bob' });
  t.equal(readFileSync(path, 'utf8'), lines.join(''));
  t.equal(statSync(path).mode & 0o777, 0o640);
  audit.close();
});

t.test('the file survives rotation', async t => {
  const path = join(t.testdir(), 'audit.log');
  const { audit } = toLines(path);
  audit.decision({ ...event, account: 'one' });
  renameSync(path, `${path}.1`);
  audit.decision({ ...event, account: 'two' });
  t.same(accounts(`${path}.1`), ['one']);
  t.same(accounts(path), ['two'], 'moved away');
  rmSync(path);
  audit.decision({ ...event, account: 'three' });
  t.same(accounts(path), ['three'], 'deleted');
  renameSync(path, `${path}.2`);
  writeFileSync(path, '');
  audit.decision({ ...event, account: 'four' });
  t.same(accounts(path), ['four'], 'replaced by an empty one');
  writeFileSync(path, '');
  audit.decision({ ...event, account: 'five' });
  t.same(accounts(path), ['five'], 'truncated in place');
  audit.close();
});

t.test('a file that cannot be written throws, so that the login is denied', async t => {
  const directory = t.testdir();
  const link = join(directory, 'link');
  symlinkSync(join(directory, 'elsewhere'), link);
  const folder = join(directory, 'folder');
  mkdirSync(folder);
  const fifo = join(directory, 'fifo');
  spawnSync('mkfifo', [fifo]);
  for (const path of [link, folder, fifo, '/dev/full', join(directory, 'none', 'audit.log')]) {
    const { lines, audit } = toLines(path);
    t.throws(() => audit.decision(event), Error, path);
    t.same(lines, [], 'nor is it said elsewhere that the door opened');
  }
});

t.test('for a login by an offline factor standard output suffices, and its line says so', async t => {
  const { lines, audit } = toLines('/dev/full');
  const entry = { ...event, factor: 'recovery-code', reason: 'recovery-code', detail: 'unreachable: x' } as const;
  audit.decision(entry);
  t.match(
    lines.map(line => JSON.parse(line) as unknown),
    [{ factor: 'recovery-code', detail: /^unreachable: x; not in the audit file: .*\/dev\/full/ }],
  );
  t.throws(() => audit.decision({ ...entry, decision: 'deny' }), Error, 'not for a denial');
  const nowhere = openAudit({
    clock,
    file: '/dev/full',
    write: () => {
      throw new Error('EPIPE');
    },
  });
  t.throws(() => nowhere.decision(entry), /EPIPE/);
});

t.test('standard output that cannot be written throws too', async t => {
  const full = openSync('/dev/full', 'w');
  const { stderr, status } = runScript(
    `
    const audit = openAudit({ clock: { now: () => 0 }, file: '' });
    try { audit.decision(${JSON.stringify(event)}); } catch (error) { process.stderr.write(error.message); process.exit(7); }`,
    full,
  );
  closeSync(full);
  t.equal(status, 7);
  t.match(stderr, /ENOSPC/);
});

t.test('a slow reader of standard output gets every line', async t => {
  const { stdout, status } = runScript(
    `process.stdout; // makes a pipe non-blocking
    const audit = openAudit({ clock: { now: () => 0 }, file: '' });
    for (let i = 0; i < 2000; i++) audit.decision({ ...${JSON.stringify(event)}, totalMs: i });`,
    'pipe',
  );
  t.equal(status, 0);
  t.same(
    stdout
      .trimEnd()
      .split('\n')
      .map(line => (JSON.parse(line) as DecisionEvent).totalMs),
    Array.from({ length: 2000 }, (_, i) => i),
  );
});

t.test('after a line that was cut off by a full disk, the next is whole', async t => {
  const path = join(t.testdir(), 'audit.log');
  // A limit on the file's size stands for the disk: Node ignores SIGXFSZ, so that write(2) is short, then fails.
  const { status, stderr } = runScript(
    `import { truncateSync } from 'node:fs';
    const audit = openAudit({ clock: { now: () => 0 }, file: ${JSON.stringify(path)}, write() {} });
    let denied = false;
    for (let i = 0; i < 50 && !denied; i++)
      try { audit.decision(${JSON.stringify(event)}); } catch { denied = true; }
    if (!denied) process.exit(3);
    truncateSync(${JSON.stringify(path)}, 50); // room again, after the beginning of a line
    audit.decision(${JSON.stringify({ ...event, account: 'next' })});`,
    'ignore',
    'ulimit -f 8; ',
  );
  t.equal(status, 0, stderr);
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  t.equal(lines.length, 2);
  t.match(JSON.parse(lines[1] ?? ''), { account: 'next' });
});

t.test('processes that write at once write whole lines', async t => {
  const path = join(t.testdir(), 'audit.log');
  const script = `import { openAudit } from ${JSON.stringify(module)};
    const audit = openAudit({ clock: { now: () => 0 }, file: ${JSON.stringify(path)}, write() {} });
    for (let i = 0; i < 300; i++) audit.note({ event: 'test', who: process.pid, text: 'x'.repeat(i * 7 % 1000) });`;
  const run = async () => await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  await Promise.all([run(), run(), run()]);
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  t.equal(lines.length, 900);
  t.equal(new Set(lines.map(line => (JSON.parse(line) as { who: number }).who)).size, 3);
});

t.test('what another process has cut off is not gone on with', async t => {
  const path = join(t.testdir({ 'audit.log': '{"event":"cut' }), 'audit.log');
  openAudit({ clock, file: path, write: () => {} }).decision(event);
  const [, line = ''] = readFileSync(path, 'utf8').split('\n');
  t.match(JSON.parse(line), { account: 'alice' });
});

function toLines(file: string): { lines: string[]; audit: ReturnType<typeof openAudit> } {
  const lines: string[] = [];
  return { lines, audit: openAudit({ clock, file, write: line => void lines.push(line) }) };
}

function accounts(path: string): string[] {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => (JSON.parse(line) as DecisionEvent).account);
}

function runScript(script: string, stdout: number | 'pipe' | 'ignore', shell = '') {
  const source = `import { openAudit } from ${JSON.stringify(module)};\n${script}`;
  return spawnSync('sh', ['-c', `${shell}exec "$0" --input-type=module -e "$1"`, process.execPath, source], {
    stdio: ['ignore', stdout, 'pipe'],
    encoding: 'utf8',
  });
}
