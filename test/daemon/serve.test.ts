import t from 'tap';
import { refusals } from '../../src/policy/refusals.ts';
import { FakeVerifier } from '../helpers/fake-ports.ts';
import { ScriptedConversation, SilentConversation } from '../helpers/scripted-conversation.ts';
import { alice, attempt, pushThatWaits, root, runningDaemon, twoAccounts, until } from './running-daemon.ts';

t.test('a person with a right code comes in', async t => {
  const { ask, events, log } = await runningDaemon(t);
  const person = new ScriptedConversation('123456');
  const reply = await ask(person);
  t.notOk(
    log.some(line => line.level === 'warning'),
    'nothing is wrong with it',
  );
  t.match(reply, {
    kind: 'decided',
    decision: {
      verdict: 'allow',
      reason: 'totp',
      id: /^[0-9A-HJKMNP-TV-Z]{26}$/,
      text: '',
      exit: 0,
      pam: 'PAM_SUCCESS',
      motd: true,
      record: false,
      sftp: '/usr/lib/sftp',
    },
  });
  t.same(person.said, ['? Code, or Enter for push: ']);
  t.match(events, [{ decision: 'allow', account: 'alice', client: '192.0.2.7', tty: '/dev/pts/3' }]);
  t.equal(reply.kind === 'decided' && reply.decision.id, events[0]?.attempt, 'the id that is quoted is the one logged');
});

t.test('a person with wrong codes does not, and is told what to do and what to quote', async t => {
  const { ask, events } = await runningDaemon(t, { verifier: new FakeVerifier({ kind: 'invalid' }) });
  const person = new ScriptedConversation('111111', '222222', '333333');
  const reply = await ask(person);
  if (reply.kind !== 'decided') throw new Error('no decision');
  t.match(reply.decision, { verdict: 'deny', reason: 'wrong-code', exit: 77, pam: 'PAM_MAXTRIES', motd: false });
  t.equal(reply.decision.text, `${refusals['wrong-code'].says} [${events[0]?.attempt}]`);
  t.equal(person.said.filter(line => line.startsWith('! ')).length, 2);
});

t.test('entry by fail-safe is said loudly', async t => {
  const { ask } = await runningDaemon(t, {
    verifier: new FakeVerifier({ kind: 'unavailable', cause: 'unreachable', detail: 'refused' }),
    config: config => ({ ...config, policy: { ...config.policy, failMode: 'safe' } }),
  });
  const reply = await ask(new ScriptedConversation('123456'));
  t.match(reply, { decision: { verdict: 'bypass', reason: 'fail-safe', text: /WARNING.*WITHOUT a second factor/ } });
});

t.test('who asks for whom', async t => {
  t.test('root asks for anybody', async t => {
    const { ask } = await runningDaemon(t, { peer: () => root });
    t.match(await ask(new ScriptedConversation('123456'), { door: 'pam', first: 'publickey' }), {
      decision: { verdict: 'allow' },
    });
  });
  t.test('a user asks for their own account', async t => {
    const { ask } = await runningDaemon(t, { peer: () => alice });
    t.match(await ask(new ScriptedConversation('123456')), { decision: { verdict: 'allow' } });
  });
  for (const account of ['bob', 'root', 'nobody-there'])
    t.test(`a user does not ask for ${account}`, async t => {
      const { ask, events, verifier } = await runningDaemon(t, { peer: () => alice });
      const reply = await ask(new ScriptedConversation(), { account });
      t.match(reply, { decision: { verdict: 'deny', reason: 'not-your-account', pam: 'PAM_PERM_DENIED' } });
      t.match(events, [{ decision: 'deny', reason: 'not-your-account', account, detail: /uid 1001/ }]);
      t.same(verifier.asked, []);
    });
  t.test('a user asks by no other spelling of their name', async t => {
    const directory = {
      account: async () => ({ kind: 'found', name: 'alice', uid: 1001, groups: { kind: 'found', names: [] } }) as const,
    };
    const { ask } = await runningDaemon(t, { peer: () => alice, directory });
    const reply = await ask(new ScriptedConversation(), { account: 'ALICE' });
    t.match(reply, { decision: { reason: 'not-your-account' } });
  });
  t.test('whose name is looked up for a peer is counted against its uid, and for as long as it is there', async t => {
    const askers: unknown[] = [];
    const directory = {
      async account(name: string, asker?: { uid: number; gone: AbortSignal }) {
        askers.push([name, asker?.uid, asker?.gone.aborted]);
        return await twoAccounts.account(name);
      },
    };
    const { ask } = await runningDaemon(t, { peer: () => alice, directory });
    await ask(new ScriptedConversation(), { account: 'bob' });
    t.same(askers, [['bob', 1001, false]]);
  });
  t.test('a look-up that fails denies', async t => {
    const directory = { account: async () => ({ kind: 'unavailable', detail: 'LDAP is away' }) as const };
    const { ask, events } = await runningDaemon(t, { peer: () => alice, directory });
    t.match(await ask(new ScriptedConversation()), { decision: { reason: 'account-lookup-failed' } });
    t.match(events, [{ detail: 'LDAP is away' }]);
  });
  t.test('a look-up that fails at first lets nobody ask for another', async t => {
    let lookups = 0;
    const directory = {
      account: async (name: string) =>
        lookups++ === 0 ? ({ kind: 'unavailable', detail: 'LDAP is away' } as const) : await twoAccounts.account(name),
    };
    const { ask, verifier, events } = await runningDaemon(t, { peer: () => alice, directory });
    const reply = await ask(new ScriptedConversation('bob@example.com', '123456'), { account: 'bob' });
    t.match(reply, { decision: { verdict: 'deny', reason: 'account-lookup-failed' } });
    t.match(events, [{ account: 'bob', detail: 'LDAP is away' }]);
    t.same(verifier.asked, []);
  });
  t.test('a peer that the kernel does not name is not served; the next one is', async t => {
    const peers = [undefined, alice];
    const { ask, log } = await runningDaemon(t, { peer: () => peers.shift() });
    t.match(await ask(new ScriptedConversation()), { kind: 'unavailable' });
    t.ok(log.some(line => line.level === 'warning' && line.text === 'a peer without credentials'));
    t.match(await ask(new ScriptedConversation('123456')), { decision: { verdict: 'allow' } });
    t.match(
      log.find(line => line.text === 'connected'),
      { level: 'debug', uid: 1001, pid: 2 },
      'who has connected is in the log, if it is to say more',
    );
  });
  for (const account of ['', 'a b', '../etc', 'a:b', '-n', 'al\u001bice', 'alice\n'])
    t.test(`${JSON.stringify(account)} is no account`, async t => {
      const { ask, events } = await runningDaemon(t);
      t.match(await ask(new ScriptedConversation(), { account }), { decision: { reason: 'unknown-account' } });
      t.equal(events.length, 1);
    });
});

t.test('facts are taken for what they are', async t => {
  const { ask, events } = await runningDaemon(t);
  const facts = { rhost: '::ffff:192.0.2.7', command: 'ls\u001b[2J', key: `SHA256:${'a'.repeat(43)}` };
  await ask(new ScriptedConversation('123456'), facts);
  await ask(new ScriptedConversation('654321'), { rhost: 'client.example.com' });
  t.match(events[0], { client: '192.0.2.7', command: 'ls?[2J', key: facts.key });
  t.equal(events[1]?.client, null, 'a name is no address');
});

t.test('no push before a first factor is proved', async t => {
  for (const first of [undefined, 'none']) {
    const { ask, verifier } = await runningDaemon(t);
    const door = { door: 'pam', ...(first !== undefined && { first }) };
    t.match(await ask(new SilentConversation(), door), { decision: { verdict: 'deny' } });
    t.same(verifier.asked, []);
  }
});

t.test('an attempt that makes no sense is a protocol error', async t => {
  for (const facts of [
    { version: '2' },
    { door: 'proxy' },
    { door: 'window' },
    { service: 'a b' },
    { key: 'MD5:00' },
  ]) {
    const { ask, log } = await runningDaemon(t);
    t.match(await ask(new ScriptedConversation(), facts), { decision: { verdict: 'deny', reason: 'protocol-error' } });
    t.match(log.at(-1), { level: 'warning', text: 'no attempt', why: /version|door|service|key/ });
  }
});

t.test('a door that goes away takes its push back', async t => {
  const { raw, events, verifier } = await runningDaemon(t, { verifier: pushThatWaits() });
  const door = raw();
  door.say({ ...attempt, interactive: false });
  await until(() => verifier.signals.length === 1);
  t.equal(verifier.signals[0]?.aborted, false);
  door.socket.destroy();
  await until(() => events.length === 1);
  t.equal(verifier.signals[0]?.aborted, true);
  t.match(events, [{ decision: 'deny', reason: 'disconnected' }]);
});

t.test('a door that only stops sending is gone too', async t => {
  const { raw, events, verifier } = await runningDaemon(t, { verifier: pushThatWaits() });
  const door = raw();
  door.say({ ...attempt, interactive: false });
  await until(() => verifier.signals.length === 1);
  door.socket.end();
  await until(() => events.length === 1);
  t.match(events, [{ reason: 'disconnected' }]);
});

t.test('a person who gives up takes the push back', async t => {
  const { ask, events, verifier } = await runningDaemon(t, { verifier: pushThatWaits() });
  const interruption = new AbortController();
  const reply = ask(new SilentConversation(), {}, interruption.signal);
  await until(() => verifier.signals.length === 1);
  interruption.abort('cancelled');
  t.match(await reply, { decision: { reason: 'cancelled', exit: 130, id: events[0]?.attempt ?? /./ } });
  t.equal(verifier.signals[0]?.aborted, true);
});

t.test('a code typed while the push waits', async t => {
  const { ask, verifier } = await runningDaemon(t, { verifier: pushThatWaits() });
  t.match(await ask(new ScriptedConversation('', '123456')), { decision: { verdict: 'allow', reason: 'totp' } });
  t.equal(verifier.signals[0]?.aborted, true, 'the push is taken back');
});

t.test('a login ends in time', async t => {
  const { raw, events } = await runningDaemon(t, {
    config: config => ({ ...config, daemon: { ...config.daemon, loginTimeoutMs: 50 } }),
  });
  const door = raw();
  door.say(attempt);
  t.match(await door.next(), { kind: 'prompt', id: 1 });
  t.match(await door.next(), { kind: 'withdraw', id: 1 });
  t.match(await door.next(), { kind: 'decision', verdict: 'deny', reason: 'timed-out' });
  t.equal(await door.next(), undefined);
  t.match(events, [{ reason: 'timed-out' }]);
});

t.test('a bug in authenticate denies, and is logged', async t => {
  const { ask, events } = await runningDaemon(t, {
    authenticate: async () => {
      throw new TypeError('oops');
    },
  });
  t.match(await ask(new ScriptedConversation()), { decision: { verdict: 'deny', reason: 'internal-error' } });
  t.match(events, [{ reason: 'internal-error', detail: /oops/ }]);
});

t.test('an audit log that cannot be written denies', async t => {
  const audit = {
    decision() {
      throw new Error('ENOSPC');
    },
  };
  const { ask } = await runningDaemon(t, { audit });
  t.match(await ask(new ScriptedConversation('123456')), {
    decision: { verdict: 'deny', reason: 'state-unavailable' },
  });
  t.match(await ask(new ScriptedConversation(), { account: 'a b' }), { decision: { reason: 'unknown-account' } });
});

t.test('a decision that cannot be logged is at least said in the log of the daemon', async t => {
  const audit = {
    decision() {
      throw new Error('ENOSPC');
    },
  };
  const { ask, log } = await runningDaemon(t, { audit });
  await ask(new ScriptedConversation(), { account: 'a b' });
  t.ok(log.some(line => line.level === 'error' && line.text === 'audit log: Error: ENOSPC'));
});

t.test('a user database that hangs keeps nobody who has left', async t => {
  const directory = { account: async () => await new Promise<never>(() => {}) };
  const { raw, events } = await runningDaemon(t, { peer: () => alice, directory });
  const door = raw();
  door.say(attempt);
  await new Promise(resolve => door.socket.once('connect', resolve));
  door.socket.end();
  await until(() => events.length === 1);
  t.match(events, [{ decision: 'deny', reason: 'disconnected', account: 'alice' }]);
});

t.test('who connects and leaves without a word is no news', async t => {
  const { raw, log } = await runningDaemon(t);
  raw().socket.end();
  await until(() => log.some(line => line.text === 'no attempt'));
  t.match(
    log.find(line => line.text === 'no attempt'),
    { level: 'debug', why: 'disconnected' },
  );
});
