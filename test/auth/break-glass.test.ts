/** Factors of this host, for when no server can answer: what authenticate() makes of them, and of a disk that fails. */
import t from 'tap';
import { authenticate } from '../../src/auth/authenticate.ts';
import { type EmergencyPorts, MemoryError } from '../../src/auth/ports.ts';
import { makeRecoveryCode } from '../../src/otp/recovery-code.ts';
import type { Decision, OfflineFinding, Outcome, UnavailableCause } from '../../src/policy/decision.ts';
import { anAttempt, FakeMemory, type FakePorts, FakeVerifier, fakePorts } from '../helpers/fake-ports.ts';
import { type Reply, ScriptedConversation, SilentConversation } from '../helpers/scripted-conversation.ts';

const never = new AbortController().signal;
const recoveryCode = 'rc-00000-00000-00000';
const byCode: Outcome = { kind: 'valid-offline', factor: 'offline-totp', detail: 'unreachable: x', says: 'LOUD.' };
const down = (kind?: OfflineFinding['kind'], cause: UnavailableCause = 'unreachable'): Outcome => ({
  kind: 'unavailable',
  cause,
  detail: 'x',
  ...(kind !== undefined && { offline: { kind, says: `Says ${kind}.` } }),
});

async function enter(ports: FakePorts, ...replies: Reply[]): Promise<[Decision, string[]]> {
  const conversation = new ScriptedConversation(...replies);
  return [await authenticate(anAttempt(), conversation, ports, never), conversation.said];
}

t.test('an offline factor lets in under its own name, with a word for the person and one for the log', async t => {
  const ports = fakePorts(new FakeVerifier(byCode));
  const [decision] = await enter(ports, '123456');
  t.same(decision, { kind: 'allow', factor: 'offline-totp', detail: 'unreachable: x', says: 'LOUD.' });
  t.match(ports.events, [
    { decision: 'allow', factor: 'offline-totp', reason: 'offline-totp', detail: 'unreachable: x' },
  ]);
});

t.test('a recovery code goes to the verifier in its one spelling, and nothing else does', async t => {
  const ports = fakePorts(new FakeVerifier({ ...byCode, factor: 'recovery-code' }));
  t.match((await enter(ports, 'RC 00000-ooooo 00000'))[0], { kind: 'allow', factor: 'recovery-code' });
  t.same(ports.verifier.asked, [{ person: 'alice@example.com', factor: 'recovery-code', code: recoveryCode }]);

  const mistyped = fakePorts(new FakeVerifier(byCode));
  const [decision, said] = await enter(mistyped, 'rc-00000-00000-00001', 'rc-password', 'hunter2');
  t.match(decision, { reason: 'not-a-code' });
  t.same(mistyped.verifier.asked, []);
  t.equal(said[1], '! That recovery code has a typing error. Type it again.');
  t.equal(said[3], '! That is not a code: type 6 digits.');
  t.equal(mistyped.memory.throttles.size, 0, 'nor counted as a guess');
});

t.test('a recovery code opens nothing while the server answers, and the person may go on with a code', async t => {
  const ports = fakePorts(
    new FakeVerifier(proof => (proof.factor === 'totp' ? { kind: 'valid' } : { kind: 'server-answers' })),
  );
  const [decision, said] = await enter(ports, recoveryCode, '123456');
  t.same(decision, { kind: 'allow', factor: 'totp' });
  t.match(said[1], /^! The TRASA server answers, so no recovery code counts; yours is not used up/);

  const [ended] = await enter(
    fakePorts(new FakeVerifier({ kind: 'server-answers' }), { policy: { attempts: 1 } }),
    recoveryCode,
  );
  t.same(ended, { kind: 'deny', reason: 'server-answers' });
});

t.test('no server has a say about recovery codes', async t => {
  const ports = fakePorts(new FakeVerifier({ kind: 'valid' }));
  t.match((await enter(ports, recoveryCode))[0], { kind: 'deny', reason: 'internal-error' });
});

t.test('a recovery code may be typed while a push waits, which is then taken back', async t => {
  const ports = fakePorts(
    new FakeVerifier(proof =>
      proof.factor === 'push' ? new Promise(() => {}) : { ...byCode, factor: 'recovery-code' as const },
    ),
  );
  t.match((await enter(ports, '', recoveryCode))[0], { kind: 'allow', factor: 'recovery-code' });
  t.ok(ports.verifier.signals[0]?.aborted);
});

t.test(
  'whoever has offline factors may try them for every trouble of the server; others are denied at once',
  async t => {
    const reasons: [UnavailableCause, string][] = [
      ['unreachable', 'server-unavailable'],
      ['timeout', 'server-unavailable'],
      ['server-error', 'server-unavailable'],
      ['bad-answer', 'server-unavailable'],
      ['rate-limited', 'server-unavailable'],
      ['tls', 'server-unavailable'],
      ['refused', 'server-unavailable'],
      ['credentials', 'credentials-refused'],
      ['configuration', 'config-invalid'],
      ['state', 'state-unavailable'],
    ];
    for (const [cause, reason] of reasons) {
      const answer = (proof: { factor: string }): Outcome =>
        proof.factor === 'push' ? down('untried', cause) : byCode;
      const [decision, said] = await enter(fakePorts(new FakeVerifier(answer)), '', { wait: true }, '123456');
      t.match(decision, { kind: 'allow', factor: 'offline-totp' }, cause);
      t.equal(said.at(-2), '! Says untried.');
      t.match((await enter(fakePorts(new FakeVerifier(down(undefined, cause))), '123456'))[0], {
        kind: 'deny',
        reason,
      });
      const silent = new SilentConversation();
      const pushed = await authenticate(
        anAttempt(),
        silent,
        fakePorts(new FakeVerifier(down('untried', cause))),
        never,
      );
      t.match(pushed, { kind: 'deny', reason }, 'nobody to ask');
      t.notOk('says' in pushed);
    }
  },
);

t.test('what came of the try is said, counted and logged', async t => {
  for (const [kind, counted] of [
    ['untried', 0],
    ['invalid', 3],
    ['replayed', 0],
  ] as const) {
    const ports = fakePorts(new FakeVerifier(down(kind)));
    const [decision] = await enter(ports, recoveryCode, recoveryCode, recoveryCode);
    t.match(decision, { reason: 'server-unavailable', says: `Says ${kind}.` });
    t.match(ports.events, [{ detail: `unreachable: x; offline factor: ${kind}` }]);
    t.equal(ports.memory.throttles.get('account:alice')?.failures ?? 0, counted, kind);
  }
  const expired = fakePorts(new FakeVerifier(down('expired')));
  t.match((await enter(expired, '123456'))[0], { reason: 'server-unavailable', says: 'Says expired.' });
  t.equal(expired.verifier.asked.length, 1, 'there is nothing more to try');
});

t.test('fail safe lets in as ever, whatever is prepared, and counts no wrong code', async t => {
  const ports = fakePorts(new FakeVerifier(down('invalid')), {
    policy: { failMode: 'safe' },
    throttle: { accountFreeTries: 1 },
  });
  for (let i = 0; i < 3; i++)
    t.match((await enter(ports, String(111_111 + i)))[0], { kind: 'bypass', rule: 'fail-safe' });
  t.equal(ports.memory.throttles.size, 0);
  const tls = fakePorts(new FakeVerifier(down('invalid', 'tls')), { policy: { failMode: 'safe', attempts: 1 } });
  t.match((await enter(tls, '111111'))[0], { kind: 'deny' }, 'and not for a TLS failure');
});

t.test('an offline factor grants no grace', async t => {
  const ports = fakePorts(new FakeVerifier(byCode), { policy: { graceMs: 600_000 } });
  await enter(ports, '123456');
  t.equal(ports.memory.graces.size, 0);
});

t.test('before a first factor nothing tells who has offline factors', async t => {
  for (const kind of ['untried', 'invalid', 'replayed'] as const) {
    const conversation = new ScriptedConversation(recoveryCode, recoveryCode, recoveryCode);
    const identity = { people: new Map<string, string>(), keys: new Map<string, string>(), domain: 'example.com' };
    const ports = fakePorts(new FakeVerifier(down(kind)), { identity });
    await authenticate(anAttempt({ firstFactorProved: false }), conversation, ports, never);
    t.match(conversation.said[1], /^! Wrong code/, kind);
  }
  const conversation = new ScriptedConversation(recoveryCode, recoveryCode, recoveryCode);
  const nobody = fakePorts(new FakeVerifier(byCode), {}, { kind: 'unknown' });
  t.match(await authenticate(anAttempt(), conversation, nobody, never), { kind: 'deny', detail: 'no such account' });
  t.same(nobody.verifier.asked, []);
});

t.test('wrong recovery codes hold the account off, those at the same time included', async t => {
  const ports = fakePorts(
    new FakeVerifier(async () => {
      await new Promise(setImmediate);
      return down('invalid');
    }),
    { policy: { attempts: 1 }, throttle: { accountFreeTries: 5 } },
  );
  const guesses = Array.from({ length: 64 }, (_, i) => makeRecoveryCode(new Uint8Array(14).with(13, i % 32).with(1, i)))
    .filter(code => code !== undefined)
    .map(code => code.expose());
  t.ok(guesses.length > 32);
  const decisions = await Promise.all(guesses.map(async guess => (await enter(ports, guess))[0]));
  t.equal(ports.verifier.asked.length, 5, 'of them all five are looked at');
  t.ok(decisions.every(({ kind }) => kind === 'deny'));
  t.match((await enter(ports))[0], { reason: 'throttled' });
});

t.test('recovery codes while the server answers are counted, as each asks the server', async t => {
  const ports = fakePorts(new FakeVerifier({ kind: 'server-answers' }), { throttle: { accountFreeTries: 2 } });
  t.match((await enter(ports, recoveryCode, recoveryCode, recoveryCode))[0], { reason: 'throttled' });
  t.equal(ports.verifier.asked.length, 2);
});

/** Ports whose memory fails: at once, or when something is to be written. */
function withoutDisk(broken: 'all' | 'writes', outcome: Outcome, policy: object = {}) {
  const server = new FakeVerifier({ kind: 'valid' });
  const alone = new FakeVerifier(outcome);
  const emergency: EmergencyPorts = { memory: new FakeMemory(), verifier: alone };
  const troubles: string[] = [];
  const ports = {
    ...fakePorts(server, { policy }),
    emergency: (trouble: string) => {
      troubles.push(trouble);
      return emergency;
    },
  };
  const fail = (): never => {
    throw new MemoryError('logins.db: disk full');
  };
  Object.assign(ports.memory, { claimCode: fail, setThrottle: fail, holdPush: fail, grantGrace: fail });
  if (broken === 'all') Object.assign(ports.memory, { throttleOf: fail, pushHeldUntil: fail, graceUntil: fail });
  return { ports, server, alone, troubles };
}

t.test('without a disk the server is not asked, and an offline factor opens', async t => {
  for (const broken of ['all', 'writes'] as const) {
    const { ports, server, alone, troubles } = withoutDisk(broken, byCode);
    const [decision, said] = await enter(ports, ...(broken === 'all' ? [] : ['111111']), '123456');
    t.match(decision, { kind: 'allow', factor: 'offline-totp' }, broken);
    t.same(server.asked, []);
    t.match(alone.asked, [{ code: '123456' }]);
    t.same(troubles, ['logins.db: disk full']);
    t.match(said.at(-2), /^! The agent on this host cannot read or write its state/);
    t.equal(ports.events.length, 1, 'one login, one line');
  }
});

t.test('without a disk nothing else opens: no push, no code of the server, no grace, no fail mode', async t => {
  const policy = { graceMs: 600_000, failMode: 'safe', offlineUsers: ['alice'] };
  const { ports, server } = withoutDisk('all', down('invalid', 'state'), policy);
  t.match((await enter(ports, '123456', '', { wait: true }, '123456'))[0], { reason: 'state-unavailable' });
  const silent = withoutDisk('all', down('untried', 'state'), policy);
  t.match(await authenticate(anAttempt(), new SilentConversation(), silent.ports, never), {
    kind: 'deny',
    reason: 'state-unavailable',
  });
  t.same([...server.asked, ...silent.server.asked], []);
});

t.test('without a disk and with nothing prepared, or when that fails too, the login is denied', async t => {
  const { ports } = withoutDisk('all', byCode);
  t.match((await enter({ ...ports, emergency: () => undefined }))[0], { reason: 'state-unavailable' });
  const memory = Object.assign(new FakeMemory(), {
    throttleOf() {
      throw new MemoryError('again');
    },
  });
  const emergency = (): EmergencyPorts => ({ memory, verifier: new FakeVerifier(byCode) });
  t.match((await enter({ ...ports, emergency }))[0], { reason: 'state-unavailable', detail: 'again' });
});

t.test('whoever has one answer only, and has given it when the disk failed, is told to come again', async t => {
  const { ports } = withoutDisk('writes', byCode);
  const conversation = new ScriptedConversation('123456', { cancel: true });
  Object.assign(conversation, { answersOnce: true });
  t.match(await authenticate(anAttempt(), conversation, ports, never), {
    reason: 'state-unavailable',
    detail: 'logins.db: disk full',
    says: /opens all the same\. Try again\.$/,
  });
});

t.test('a recovery code is claimed while it is checked, and given back if it opened nothing', async t => {
  const ports = fakePorts(new FakeVerifier({ kind: 'server-answers' }), { policy: { attempts: 1 } });
  await enter(ports, recoveryCode);
  t.equal(ports.memory.claims.size, 0);
  const open = fakePorts(new FakeVerifier({ ...byCode, factor: 'recovery-code' }), { policy: { attempts: 1 } });
  const both = await Promise.all([enter(open, recoveryCode), enter(open, recoveryCode)]);
  t.same(both.map(([decision]) => decision.kind).toSorted(), ['allow', 'deny']);
});

t.test('a bug is not taken for a disk that fails', async t => {
  const { ports, alone } = withoutDisk('all', byCode);
  ports.memory.throttleOf = () => {
    throw new Error('a bug');
  };
  t.match((await enter(ports, '123456'))[0], { reason: 'internal-error' });
  t.same(alone.asked, []);
});

t.test('a disk that fails while a question is open: it is taken back before the next is asked', async t => {
  const { ports } = withoutDisk('writes', byCode);
  ports.memory.setThrottle = (_key, record) => {
    if (record === undefined) throw new MemoryError('when the push is approved');
  };
  const [decision, said] = await enter(ports, '', { wait: true }, '123456');
  t.match(decision, { kind: 'allow', factor: 'offline-totp' });
  t.match(said.slice(1), [/^\? Push sent/, /^! The agent on this host/, /^\? Code/]);
});

t.test('rules that ask nobody hold without a disk as ever', async t => {
  const { ports, troubles } = withoutDisk('all', byCode, { exemptUsers: ['alice'] });
  t.match((await enter(ports))[0], { kind: 'bypass', rule: 'exempt-user' });
  t.same(troubles, []);
});
