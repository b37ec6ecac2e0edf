import { once } from 'node:events';
import { connect } from 'node:net';
import { mock } from 'node:test';
import t, { type Test } from 'tap';
import { encodeDoorMessage } from '../../src/protocol/codec.ts';
import { FakeVerifier } from '../helpers/fake-ports.ts';
import { ScriptedConversation } from '../helpers/scripted-conversation.ts';
import { alice, attempt, root, runningDaemon, twoAccounts, until } from './running-daemon.ts';

const garbage: Record<string, string> = {
  'binary garbage': '\u0000\u0001\u0002\n',
  HTTP: 'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
  'an empty line': '\n',
  'an unknown verb': 'open sesame=yes\n',
  'an answer before the attempt': 'answer id=1 text=123456\n',
  'a line of ten megabytes': 'a'.repeat(10_000_000),
  'a line that is too long by one': `info text=${'a'.repeat(8182)}\n`,
};
for (const [title, text] of Object.entries(garbage))
  t.test(`${title}: refused, and the next one is served`, async t => {
    const { raw, ask, events } = await runningDaemon(t);
    const door = raw();
    door.write(text);
    t.match(await door.next(), { kind: 'decision', verdict: 'deny', reason: 'protocol-error' });
    await door.closed;
    t.same(events, [], 'there was no attempt');
    t.match(await ask(new ScriptedConversation('123456')), { decision: { verdict: 'allow' } });
  });

for (const [title, text] of Object.entries({ nothing: '', 'half a line': encodeDoorMessage(attempt).slice(0, 20) })) {
  t.test(`connect, say ${title}, and wait: closed in time`, async t => {
    const { raw, log } = await runningDaemon(t, { timeouts: { openingMs: 50 } });
    const door = raw();
    door.write(text);
    t.match(await door.next(), { kind: 'decision', verdict: 'deny', reason: 'timed-out' });
    await door.closed;
    t.match(log.at(-1), { text: 'no attempt', why: 'timed-out' });
  });

  t.test(`connect, say ${title}, and leave: forgotten`, async t => {
    const { raw, ask, events } = await runningDaemon(t);
    raw().socket.end(text);
    t.match(await ask(new ScriptedConversation('123456')), { decision: { verdict: 'allow' } });
    t.equal(events.length, 1);
  });
}

t.test('a cancel before the attempt: answered, and no news', async t => {
  const { raw, events, log } = await runningDaemon(t);
  const door = raw();
  door.say({ kind: 'cancel' });
  t.match(await door.next(), { kind: 'decision', verdict: 'deny', reason: 'cancelled' });
  await door.closed;
  t.strictSame(events, []);
  t.notOk(log.some(line => line.level === 'warn'));
});

t.test('out of turn in the middle of a login', async t => {
  const cases = {
    'a second attempt': encodeDoorMessage({ ...attempt, account: 'bob' }),
    'an answer to no question': encodeDoorMessage({ kind: 'answer', id: 7, text: '123456' }),
    garbage: 'xyzzy!\n',
    'an endless line': 'a'.repeat(100_000),
  };
  for (const [title, text] of Object.entries(cases))
    t.test(title, async t => {
      const { raw, events, log, verifier } = await runningDaemon(t);
      const door = raw();
      door.say(attempt);
      t.match(await door.next(), { kind: 'prompt' });
      door.write(text);
      t.match(await door.next(), { kind: 'withdraw' });
      t.match(await door.next(), { kind: 'decision', verdict: 'deny', reason: 'protocol-error' });
      t.match(events, [{ account: 'alice', decision: 'deny' }]);
      t.ok(log.some(line => line.text === 'protocol error'));
      t.same(verifier.asked, []);
    });
});

t.test('a door that floods is cut off', async t => {
  const { raw, log } = await runningDaemon(t);
  const door = raw();
  door.say(attempt);
  await door.next();
  door.say({ kind: 'answer', id: 1, text: 'x' }); // not a code: asked again
  for (let i = 0; i < 1100; i++) door.say({ kind: 'answer', id: 1, text: 'x' }); // late
  await door.closed;
  t.ok(log.some(line => line['why'] === 'too many messages'));
});

t.test('a door that never reads is cut off', async t => {
  const { raw, events } = await runningDaemon(t, {
    authenticate: async (_attempt, conversation, ports, signal) => {
      while (!signal.aborted) {
        conversation.textInfo('x'.repeat(200));
        await new Promise(resolve => setImmediate(resolve));
      }
      ports.audit.decision({ reason: String(signal.reason) } as never);
      return { kind: 'deny', reason: 'disconnected' };
    },
  });
  const door = raw();
  door.say(attempt);
  door.socket.pause();
  await until(() => events.length === 1);
  t.match(events, [{ reason: 'disconnected' }]);
});

t.test('a thousand silent connections: the oldest make room, at once, and a login after them is served', async t => {
  const { raw, ask, log } = await runningDaemon(t, {
    config: config => ({ ...config, daemon: { ...config.daemon, maxLogins: 4 } }),
  });
  const doors = Array.from({ length: 1000 }, () => raw());
  const dropped = doors.slice(0, 1000 - 256);
  const overloaded = await Promise.all(dropped.map(async door => await door.next()));
  t.ok(overloaded.every(message => message?.kind === 'decision' && message.reason === 'overloaded'));
  await Promise.all(dropped.map(async door => await door.closed));
  t.match(await ask(new ScriptedConversation('123456')), { decision: { verdict: 'allow' } });
  t.match(
    log.find(line => line.text === 'too many callers'),
    { level: 'warning', uid: 0, callers: 255, logins: 0 },
  );
});

t.test('silent connections of many uids without an account keep nobody out', async t => {
  let peer = alice;
  const { raw, ask, log } = await runningDaemon(t, {
    peer: () => peer,
    config: config => ({ ...config, daemon: { ...config.daemon, maxLogins: 4 } }),
  });
  for (let uid = 100_000; uid < 100_005; uid++) {
    peer = { pid: 9, uid, gid: uid };
    for (let i = 0; i < 64; i++) raw();
    await until(() => log.filter(line => line.text === 'connected' && line['uid'] === uid).length === 64);
  }
  peer = root;
  t.match(await ask(new ScriptedConversation('654321')), { decision: { verdict: 'allow' } }, 'not PAM');
  peer = alice;
  t.match(await ask(new ScriptedConversation('123456')), { decision: { verdict: 'allow' } }, 'not a user');
});

t.test('who asks for an account that is not theirs takes no place from logins', async t => {
  const hangs = async () => await new Promise<never>(() => {});
  const directory = {
    account: async (name: string) => await (name === 'alice' ? twoAccounts.account(name) : hangs()),
  };
  const { raw, ask, log } = await runningDaemon(t, {
    peer: () => alice,
    directory,
    config: config => ({ ...config, daemon: { ...config.daemon, maxLogins: 1 } }),
  });
  for (let i = 0; i < 10; i++) raw().say({ ...attempt, account: 'bob' });
  await until(() => log.filter(line => line.text === 'connected').length === 10);
  t.match(await ask(new ScriptedConversation('123456')), { decision: { verdict: 'allow' } });
});

t.test('one user cannot keep the others out', async t => {
  let peer = alice;
  const { raw, ask, events } = await runningDaemon(t, {
    peer: () => peer,
    config: config => ({ ...config, daemon: { ...config.daemon, maxLogins: 20 } }),
  });
  const waiting = Array.from({ length: 5 }, () => raw());
  for (const door of waiting) door.say(attempt);
  await Promise.all(waiting.map(async door => await door.next()));
  t.match(await ask(new ScriptedConversation()), { decision: { reason: 'overloaded' } }, 'a quarter is theirs');
  t.match(events.at(-1), { decision: 'deny', reason: 'overloaded', account: 'alice' });
  peer = { pid: 3, uid: 1002, gid: 1002 };
  t.match(await ask(new ScriptedConversation('bob@example.com', '123456'), { account: 'bob' }), {
    decision: { verdict: 'allow' },
  });
  peer = root;
  t.match(await ask(new ScriptedConversation('654321')), { decision: { verdict: 'allow' } }, 'PAM neither');
});

t.test('a uid that connects in a loop fills neither the log nor the table of descriptors', async t => {
  const pass = withinOneSecond(t);
  const { raw, log } = await runningDaemon(t, { peer: () => alice });
  const doors = Array.from({ length: 500 }, () => raw());
  const dropped = doors.slice(0, 500 - 64);
  await Promise.all(dropped.map(async door => await door.closed));
  t.equal(log.filter(line => line.text === 'too many callers').length, 1, 'one line');
  pass();
  t.match(
    log.find(line => line.text === 'more that there was no room for'),
    { uid: 1001, left: dropped.length - 1 },
    'and the count of the others',
  );
});

t.test('who lingers after the last word makes room for others, too', async t => {
  const { raw, socket } = await runningDaemon(t, { peer: () => alice });
  const lingering = connect({ path: socket, allowHalfOpen: true }).resume();
  lingering.on('error', () => {});
  t.teardown(() => lingering.destroy());
  lingering.write('garbage\n');
  await once(lingering, 'end');
  const said = async () => await new Promise(resolve => lingering.write('more', resolve));
  t.notOk(await said(), 'it is still listened to');

  const silent = Array.from({ length: 64 }, () => raw());
  silent.at(-1)?.say({ ...attempt, account: 'bob' });
  t.match(await silent.at(-1)?.next(), { reason: 'not-your-account' });
  t.match(await said(), { code: 'EPIPE' });
});

t.test('denials of one uid are logged ten times a second, and then counted', async t => {
  const pass = withinOneSecond(t);
  let peer = alice;
  const { raw, ask, events, log } = await runningDaemon(t, { peer: () => peer });
  const doors = Array.from({ length: 40 }, () => raw());
  for (const door of doors) door.say({ ...attempt, account: 'bob' });
  for (const door of doors) t.match(await door.next(), { reason: 'not-your-account' });
  t.equal(events.length, 10);
  peer = { pid: 3, uid: 1002, gid: 1002 };
  await ask(new ScriptedConversation(), { account: 'alice' });
  t.match(events.at(-1), { uid: 1002, reason: 'not-your-account' }, 'others have lines of their own');
  pass();
  t.match(
    log.find(line => line.text === 'more refusals, not logged one by one'),
    { level: 'warning', uid: 1001, left: 30 },
  );
});

t.test('what was counted is said when the daemon stops', async t => {
  withinOneSecond(t);
  const { raw, daemon, log } = await runningDaemon(t, { peer: () => alice });
  const doors = Array.from({ length: 12 }, () => raw());
  for (const door of doors) door.write('garbage\n');
  for (const door of doors) await door.next();
  t.equal(log.filter(line => line.text === 'no attempt').length, 10);
  await daemon.stop();
  t.match(log.at(-2), { uid: 1001, left: 2 });
});

t.test('many logins at once are not held up by one slow person', async t => {
  const { raw, ask } = await runningDaemon(t);
  const slow = raw();
  slow.say(attempt);
  t.match(await slow.next(), { kind: 'prompt' });
  const codes = Array.from({ length: 50 }, (_, i) => String(100_000 + i));
  const replies = await Promise.all(codes.map(async code => await ask(new ScriptedConversation(code))));
  t.ok(replies.every(reply => reply.kind === 'decided' && reply.decision.verdict === 'allow'));
  slow.say({ kind: 'answer', id: 1, text: '999999' });
  t.match(await slow.next(), { kind: 'decision', verdict: 'allow' }, 'nor is that person forgotten');
});

t.test('a code that is used twice at the same time opens once', async t => {
  let checked = 0;
  const verifier = new FakeVerifier(async () => {
    checked++;
    await new Promise(resolve => setImmediate(resolve));
    return { kind: 'valid' };
  });
  const { ask, events } = await runningDaemon(t, {
    verifier,
    config: config => ({ ...config, policy: { ...config.policy, attempts: 1 } }),
  });
  await Promise.all(Array.from({ length: 8 }, async () => await ask(new ScriptedConversation('123456'))));
  t.equal(checked, 1, 'the server hears of it once');
  t.same(
    events.map(event => event.reason).toSorted(),
    [...Array.from({ length: 7 }, () => 'replayed-code'), 'totp'],
    'and one of the eight gets in',
  );
});

/** Until the returned function is called, or the test ends, no time passes for timers. */
function withinOneSecond(t: Test): () => void {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  return () => mock.timers.tick(1_000);
}
