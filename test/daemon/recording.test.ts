import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { SilentConversation } from '../helpers/scripted-conversation.ts';
import { alice, attempt, type Options, type Running, runningDaemon, until } from './running-daemon.ts';

const header = JSON.stringify({
  version: 2,
  width: 80,
  height: 24,
  env: { TERM: 'xterm', SHELL: '/bin/sh', SECRET: 'x' },
});

const recordingOn: Options = { config: config => ({ ...config, login: { ...config.login, record: true } }) };

t.test('a session is recorded where the user cannot reach it', async t => {
  const { running, id, recording } = await recordedSession(t);
  const path = join(running.directory, 'recordings', `${id}.cast`);
  await recording.write(header);
  await recording.write('[0.5,"o","hello \\u001b[1mworld"]');
  t.equal(lines(path).length, 2, 'written when it is acknowledged');
  await Promise.all([recording.write('[1,"r","100x30"]'), recording.write('[2.25,"m","exit 0"]')]);
  recording.close();

  t.equal(statSync(path).mode & 0o777, 0o600);
  t.equal(statSync(join(running.directory, 'recordings')).mode & 0o777, 0o700);
  const [head = '', ...events] = lines(path);
  t.match(JSON.parse(head), {
    version: 2,
    width: 80,
    height: 24,
    timestamp: Number,
    title: `alice from 192.0.2.7 [${id}]`,
    env: { TERM: 'xterm', SHELL: '/bin/sh' },
  });
  t.notMatch(head, /SECRET/);
  t.same(
    events.map(line => JSON.parse(line) as unknown),
    [
      [0.5, 'o', 'hello \u001b[1mworld'],
      [1, 'r', '100x30'],
      [2.25, 'm', 'exit 0'],
    ],
  );
});

t.test('what is not asciicast ends the recording', async t => {
  const cases = {
    'no header': ['[0,"o","x"]'],
    'a header without a size': ['{"version":2}'],
    'a size out of bounds': ['{"width":80,"height":1e9}'],
    'a second header': [header, header],
    'not JSON': [header, 'x'],
    'a line of its own': [header, '[0,"o","x"]\n[1,"o","forged"]'],
    'an unknown event': [header, '[0,"z","x"]'],
    'time before the start': [header, '[-1,"o","x"]'],
    'a field too many': [header, '[0,"o","x","y"]'],
  };
  for (const [title, sent] of Object.entries(cases))
    t.test(title, async t => {
      const { recording, running } = await recordedSession(t);
      const last = sent.pop() ?? '';
      for (const line of sent) await recording.write(line);
      await t.rejects(recording.write(last), /recording ended/);
      await t.rejects(recording.write('[9,"o","x"]'), /recording ended/);
      t.ok(running.log.some(line => line.text.startsWith('recording: ')));
    });
});

t.test('a recording that cannot be written ends the session', async t => {
  const { recording, running } = await recordedSession(t, {}, directory => {
    mkdirSync(join(directory, 'recordings'));
    chmodSync(join(directory, 'recordings'), 0o777);
  });
  await t.rejects(recording.write(header), /recording ended/);
  t.ok(running.log.some(line => line.text.includes('writable by nobody else')));
  t.same(readdirSync(join(running.directory, 'recordings')), []);
});

t.test('a recording is refused on a disk that is too full for the state beside it', async t => {
  const { recording, running } = await recordedSession(t, {
    statfs: async () => ({ bsize: 4096, blocks: 1024 ** 3, bavail: (256 * 1024 ** 2) / 4096 - 1 }),
  });
  await t.rejects(recording.write(header), /recording ended/);
  t.ok(running.log.some(line => line.text.endsWith('the disk is too full for recordings')));
  t.same(readdirSync(join(running.directory, 'recordings')), []);
});

t.test('a recording ends when the disk gets too full', async t => {
  let bavail = 1024 ** 2;
  const { recording, running } = await recordedSession(t, {
    statfs: async () => ({ bsize: 4096, blocks: 1024 ** 3, bavail }),
  });
  await recording.write(header);
  bavail = 0;
  const event = `[0,"o","${'x'.repeat(2000)}"]`;
  let written = 0;
  const flood = async () => {
    for (; written < 5_000; written++) await recording.write(event);
  };
  await t.rejects(flood(), /recording ended/);
  t.ok(written > 1_000 && written < 2_200, 'within 4 MiB');
  t.ok(running.log.some(line => line.text.endsWith('the disk is too full for recordings')));
});

t.test('a door that never begins to record is closed', async t => {
  const { recording, running } = await recordedSession(t, { timeouts: { recordHeaderMs: 20 } });
  await until(() => running.log.some(line => line.text === 'recording: no header in time'));
  await t.rejects(recording.write(header), /recording ended/);
});

t.test('stopping the daemon ends the recording, with all that was acknowledged', async t => {
  const { running, id, recording } = await recordedSession(t);
  await recording.write(header);
  await recording.write('[0,"o","x"]');
  await running.daemon.stop();
  await t.rejects(recording.write('[1,"o","y"]'), /recording ended/);
  t.equal(lines(join(running.directory, 'recordings', `${id}.cast`)).length, 2);
});

t.test('a lot of output arrives whole and in order', async t => {
  const { running, id, recording } = await recordedSession(t);
  await recording.write(header);
  const events = Array.from({ length: 2000 }, (_, i) => JSON.stringify([i, 'o', `${i} ${'x'.repeat(1000)}`]));
  await Promise.all(events.map(async event => await recording.write(event)));
  t.same(lines(join(running.directory, 'recordings', `${id}.cast`)).slice(1), events);
});

t.test('recorded sessions take no place from logins', async t => {
  const { running, recording } = await recordedSession(t, {
    config: config => ({
      ...config,
      login: { ...config.login, record: true },
      daemon: { ...config.daemon, maxLogins: 1 },
    }),
  });
  await recording.write(header);
  t.match(await running.ask(new SilentConversation(), { account: 'bob' }), { decision: { reason: 'no-conversation' } });
});

t.test('only sessions with a terminal, and only through ForceCommand', async t => {
  const running = await runningDaemon(t, recordingOn);
  const { tty: _, ...withoutTerminal } = attempt;
  const door = running.raw();
  door.say({ ...withoutTerminal, interactive: false });
  t.match(await door.next(), { kind: 'info' });
  t.match(await door.next(), { kind: 'decision', verdict: 'allow', record: false });
  const pam = await running.ask(new SilentConversation(), { door: 'pam', first: 'publickey' });
  t.match(pam, { decision: { verdict: 'allow', record: false } });
});

t.test('one user records twenty sessions at once at most; what is not recorded goes on', async t => {
  let peer = alice;
  const { raw, ask, events } = await runningDaemon(t, {
    peer: () => peer,
    config: config => ({
      ...config,
      policy: { ...config.policy, exemptUsers: ['alice', 'bob'] },
      daemon: { ...config.daemon, maxLogins: 4096 },
      login: { ...config.login, record: true },
    }),
  });
  const doors = Array.from({ length: 20 }, () => raw());
  for (const door of doors) door.say(attempt);
  const decisions = await Promise.all(doors.map(async door => await door.next()));
  t.ok(decisions.every(message => message?.kind === 'decision' && message.verdict === 'bypass' && message.record));

  t.match(await ask(new SilentConversation()), { decision: { verdict: 'deny', reason: 'overloaded', record: false } });
  t.match(events.at(-1), { decision: 'deny', reason: 'overloaded', detail: 'too many recordings' });
  t.match(await ask(new SilentConversation(), { door: 'pam' }), { decision: { verdict: 'bypass', record: false } });
  peer = { pid: 3, uid: 1002, gid: 1002 };
  t.match(await ask(new SilentConversation(), { account: 'bob' }), { decision: { verdict: 'bypass', record: true } });

  peer = alice;
  doors[0]?.socket.destroy();
  let again = await ask(new SilentConversation());
  while (again.kind === 'decided' && again.decision.verdict === 'deny') again = await ask(new SilentConversation());
  t.match(again, { decision: { verdict: 'bypass', record: true } }, 'a place is free again');
});

t.test('nobody records who was denied', async t => {
  const { raw, directory } = await runningDaemon(t, recordingOn);
  const door = raw();
  door.say({ ...attempt, account: 'nobody-there', interactive: false }, { kind: 'record', line: header });
  t.match(await door.next(), { kind: 'decision', verdict: 'deny' });
  t.equal(await door.next(), undefined);
  t.notOk(existsSync(join(directory, 'recordings')));
});

async function recordedSession(t: Test, options: Options = {}, prepare: (directory: string) => void = () => {}) {
  const running: Running = await runningDaemon(t, { ...recordingOn, ...options });
  prepare(running.directory);
  const reply = await running.ask(new SilentConversation());
  if (reply.kind !== 'decided' || reply.recording === undefined)
    throw new Error(`no recording: ${JSON.stringify(reply)}`);
  const { recording } = reply;
  t.teardown(() => recording.close());
  return { running, id: reply.decision.id, recording };
}

function lines(path: string): string[] {
  return readFileSync(path, 'utf8').trimEnd().split('\n');
}
