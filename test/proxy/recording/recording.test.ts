/** What is kept of a session, and what ends it because it could not be kept. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { string, uint32 } from '../../../src/ssh/wire.ts';
import { until } from '../../helpers/e2e/until.ts';
import { newDesk, newSession, pty, sessionID } from './desk.ts';

t.test('a terminal: an asciicast of what it showed, no character cut in two, and how it ended', async t => {
  const desk = newDesk();
  const session = newSession(desk);
  session.ask('pty-req', ...pty('xterm-256color', 100, 30));
  session.ask('shell');
  const bytes = Buffer.from('\u00e9\u{1f600}');
  for (const one of bytes) session.output(Buffer.of(one));
  desk.clock.now += 1500;
  session.ask('window-change', uint32(90), uint32(20), uint32(0), uint32(0));
  session.input('a secret\r');
  session.extended(1, 'from stderr\u009b');
  await session.close();
  const file = join(desk.directory, `${sessionID('A')}-1.cast`);
  t.equal(statSync(file).mode & 0o777, 0o600);
  const text = readFileSync(file, 'utf8');
  const [header, ...events] = text
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as unknown);
  t.match(header, { version: 2, width: 100, height: 30, timestamp: 1_893_456_000, env: { TERM: 'xterm-256color' } });
  t.strictSame(events, [
    [0, 'o', '\u00e9'],
    [0, 'o', '\u{1f600}'],
    [1.5, 'r', '90x20'],
    [1.5, 'o', 'from stderr\u009b'],
    [1.5, 'm', 'exit 0'],
  ]);
  t.match(text, String.raw`stderr\u009b`, 'escaped, for whoever looks at the file itself');
  t.notMatch(text, 'a secret');
  t.match(desk.sealed, [{ attempt: sessionID('A'), file: `${sessionID('A')}-1.cast`, bytes: Buffer.byteLength(text) }]);
  t.strictSame(desk.problems, []);
});

t.test('a command: text as text, the rest as base64, and bulk by its measure', async t => {
  const desk = newDesk();
  const session = newSession(desk);
  session.exec('make noise');
  session.output('\u00e9'.repeat(2));
  session.output(Buffer.from([0xff, 0x00]));
  session.output('\0');
  const bulk = Buffer.alloc(32_768, 'x');
  for (let i = 0; i < 100; i++) session.output(bulk);
  desk.clock.now += 1000;
  session.output('heard again');
  session.input('x'.repeat(2000));
  await session.close();
  const events = eventsOf(desk.directory, `${sessionID('A')}-1.events.jsonl`);
  t.match(events.slice(0, 3), [{ text: '\u00e9\u00e9' }, { base64: '/wA=' }, { base64: 'AA==' }]);
  const kept = events.map(({ text }) => (typeof text === 'string' ? text : '')).join('').length;
  t.ok(kept > 1_000_000 && kept < 1_100_000, String(kept));
  t.match(events.slice(-3), [
    { event: 'output', omitted: Number },
    { event: 'output', text: 'heard again' },
    {
      event: 'end',
      exit: 'exit 0',
      stdin: { bytes: 2000, sha256: sha256('x'.repeat(2000)) },
      stdout: { bytes: 100 * 32_768 + 18 },
    },
  ]);
});

t.test(
  'of bulk there are a few samples in a second, nothing that is small is lost for it, and every byte is told of',
  async t => {
    const desk = newDesk();
    const session = newSession(desk);
    session.exec('make much noise');
    const bulk = Buffer.alloc(32_768, 'x');
    for (let i = 0; i < 2000; i++) {
      session.output(bulk);
      desk.clock.now++;
      if (i === 1000) session.output('a word');
    }
    await session.close();
    const events = eventsOf(desk.directory, `${sessionID('A')}-1.events.jsonl`).filter(
      ({ event }) => event === 'output',
    );
    t.equal(events.filter(({ text }) => text === 'a word').length, 1);
    const samples = events.slice(32); // a MiB at once comes as it came
    t.ok(samples.length > 8 && samples.length < 24, String(samples.length));
    const lengths = events.map(({ text, omitted }) => (typeof text === 'string' ? text.length : Number(omitted)));
    t.equal(
      lengths.reduce((a, b) => a + b, 0),
      2000 * bulk.length + 'a word'.length,
    );
  },
);

t.test('a program that was not started leaves a file that says so, and the next has one of its own', async t => {
  const desk = newDesk();
  const session = newSession(desk);
  session.ask('subsystem', string('sftp'));
  session.recording.answered(0, false);
  session.exec('scp -t .'); // as PuTTY does on the same channel
  session.output('\0');
  t.strictSame(session.faults, []);
  await session.close();
  t.match(eventsOf(desk.directory, `${sessionID('A')}-1.events.jsonl`).at(-1), { exit: 'not started' });
  t.match(
    JSON.parse(readFileSync(join(desk.directory, `${sessionID('A')}-2.events.jsonl`), 'utf8').split('\n')[0] ?? ''),
    {
      command: 'scp -t .',
      trasa: { kind: 'scp' },
    },
  );
});

t.test('side doors: each ends the session', async t => {
  for (const [what, work] of [
    ['a second command while the first runs', ({ exec }) => [exec('true'), exec('bash')]],
    [
      'a second command before the reply to the first',
      ({ ask }) => [ask('exec', string('true')), ask('exec', string('bash'))],
    ],
    [
      'a shell behind a subsystem',
      ({ ask, recording }) => [ask('subsystem', string('sftp')), recording.answered(0, true), ask('shell')],
    ],
    ['data before there is a program', ({ input }) => [input('early')]],
    ['output of no program', ({ output }) => [output('early')]],
    [
      'data behind one that was not started',
      ({ ask, recording, input }) => [ask('shell'), recording.answered(0, false), input('late')],
    ],
    ['extended data of another type than stderr', ({ exec, extended }) => [exec('true'), extended(2, 'hidden')]],
    [
      'extended data of the client',
      ({ exec, recording }) => [
        exec('true'),
        recording.input(0, Buffer.from('\x5f\0\0\0\0\0\0\0\x01\0\0\0\x01x', 'latin1')),
      ],
    ],
    [
      'something else than sftp in the subsystem',
      ({ ask, input }) => [ask('subsystem', string('sftp')), input('GET / HTTP/1.0\r\n\r\n')],
    ],
    ['a subsystem of another name', ({ ask, input }) => [ask('subsystem', string('shell')), input('ls -l\n')]],
    [
      'the sftp server by its path, and something else in it',
      ({ exec, output }) => [exec('/usr/lib/openssh/sftp-server'), output('alice$ ')],
    ],
    [
      'the same with options and blanks',
      ({ exec, output }) => [exec(" '/usr/lib/openssh/sftp-server' -l INFO "), output('alice$ ')],
    ],
    [
      'the same on a terminal, which would hide what is sent in',
      ({ ask, exec, output }) => [ask('pty-req', ...pty()), exec('/usr/lib/openssh/sftp-server'), output('alice$ ')],
    ],
    ['scp, and a shell behind it', ({ exec, output }) => [exec('scp -f x; bash'), output('root@web1:~# ')]],
  ] as const satisfies readonly [string, (session: ReturnType<typeof newSession>) => unknown][]) {
    const desk = newDesk();
    const session = newSession(desk);
    work(session);
    t.equal(session.faults.length, 1, what);
    await session.close();
    desk.journal.close();
  }
});

t.test('a directory that is not ours alone takes nothing', async t => {
  const desk = newDesk();
  renameSync(desk.state, `${desk.state}-moved`);
  const session = newSession(desk);
  session.exec('true');
  t.match(session.faults, [{ says: 'its file cannot be written', detail: /ENOENT/ }]);
});

t.test('a file that is taken away ends the session, and is not sealed', async t => {
  const desk = newDesk();
  const session = newSession(desk);
  session.exec('true');
  session.output('one');
  await until('the file', () => readdirSync(desk.directory).length === 1);
  renameSync(join(desk.directory, `${sessionID('A')}-1.events.jsonl`), join(desk.state, 'taken'));
  desk.clock.now += 2000;
  session.output('two');
  await until('the end', () => session.faults.length === 1);
  t.match(session.faults[0]?.detail, /was removed or replaced/);
  await session.close();
  t.strictSame(readdirSync(desk.directory), []);
  t.strictSame(desk.sealed, []);
});

function eventsOf(directory: string, file: string): Record<string, unknown>[] {
  const lines = readFileSync(join(directory, file), 'utf8').trim().split('\n').slice(1);
  return lines.map(line => JSON.parse(line) as Record<string, unknown>);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
