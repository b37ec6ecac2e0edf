import t from 'tap';
import { encodeDoorMessage } from '../../src/protocol/codec.ts';
import { FakeVerifier } from '../helpers/fake-ports.ts';
import { ScriptedConversation } from '../helpers/scripted-conversation.ts';
import { alice, attempt, root, runningDaemon, until } from './running-daemon.ts';

const garbage: Record<string, string> = {
  'binary garbage': '\u0000\u0001\u0002\n',
  HTTP: 'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
  'an empty line': '\n',
  'an unknown verb': 'open sesame=yes\n',
  'an answer before the attempt': 'answer id=1 text=123456\n',
  'a cancel before the attempt': 'cancel\n',
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

t.test('a thousand connections: one more is told so, and a login after them is served', async t => {
  const { raw, ask, log } = await runningDaemon(t, {
    config: config => ({ ...config, daemon: { ...config.daemon, maxLogins: 100 } }),
  });
  const doors = Array.from({ length: 1000 }, () => raw());
  const overloaded = await Promise.all(doors.slice(100).map(async door => await door.next()));
  t.ok(overloaded.every(message => message?.kind === 'decision' && message.reason === 'overloaded'));
  t.equal(overloaded.length, 900);
  t.match(await ask(new ScriptedConversation()), { decision: { reason: 'overloaded', exit: 75 } });
  t.ok(log.some(line => line.text === 'too many logins in progress'));
  for (const door of doors) door.socket.destroy();
  await until(() => log.filter(line => line.text === 'no attempt').length === 100);
  t.match(await ask(new ScriptedConversation('123456')), { decision: { verdict: 'allow' } });
});

t.test('one user cannot keep the others out', async t => {
  let peer = alice;
  const { raw, ask } = await runningDaemon(t, {
    peer: () => peer,
    config: config => ({ ...config, daemon: { ...config.daemon, maxLogins: 20 } }),
  });
  const silent = Array.from({ length: 5 }, () => raw());
  await Promise.all(silent.map(async door => await new Promise(resolve => door.socket.once('connect', resolve))));
  t.match(await ask(new ScriptedConversation()), { decision: { reason: 'overloaded' } }, 'a quarter is theirs');
  peer = { pid: 3, uid: 1002, gid: 1002 };
  t.match(await ask(new ScriptedConversation('bob@example.com', '123456'), { account: 'bob' }), {
    decision: { verdict: 'allow' },
  });
  peer = root;
  t.match(await ask(new ScriptedConversation('654321')), { decision: { verdict: 'allow' } }, 'PAM neither');
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
