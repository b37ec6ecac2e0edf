import t from 'tap';
import { authenticate } from '../../src/auth/authenticate.ts';
import { MemoryError } from '../../src/auth/ports.ts';
import type { Decision, Outcome, UnavailableCause } from '../../src/policy/decision.ts';
import { anAttempt, everybodyIsKnown, type FakePorts, FakeVerifier, fakePorts } from '../helpers/fake-ports.ts';
import { type Reply, ScriptedConversation, SilentConversation } from '../helpers/scripted-conversation.ts';

const never = new AbortController().signal;
const valid: Outcome = { kind: 'valid' };
const invalid: Outcome = { kind: 'invalid' };

/** A push that is answered when its signal says that nobody wants it any more. */
const unansweredPush = async (signal: AbortSignal): Promise<Outcome> => {
  if (!signal.aborted) await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }));
  return { kind: 'unanswered' };
};

async function withTerminal(ports: FakePorts, ...replies: Reply[]): Promise<[Decision, ScriptedConversation]> {
  const conversation = new ScriptedConversation(...replies);
  return [await authenticate(anAttempt(), conversation, ports, never), conversation];
}

t.test('a right code lets the person in', async t => {
  const ports = fakePorts(new FakeVerifier(valid));
  const [decision, { said }] = await withTerminal(ports, '123456');
  t.same(decision, { kind: 'allow', factor: 'totp' });
  t.same(said, ['? Code, or Enter for push: ']);
  t.same(ports.verifier.asked, [{ person: 'alice@example.com', factor: 'totp', code: '123456' }]);
});

t.test('blanks around and within a code are ignored', async t => {
  const ports = fakePorts(new FakeVerifier(valid));
  t.match((await withTerminal(ports, ' 123 456\t'))[0], { kind: 'allow' });
});

t.test('every outcome of a verifier has one meaning, with a terminal and without', async t => {
  const table: [Outcome, Decision, Decision][] = [
    // outcome, decision after it was given three times to codes, decision of a push without a terminal
    [valid, { kind: 'allow', factor: 'totp' }, { kind: 'allow', factor: 'push' }],
    [
      { kind: 'not-required' },
      { kind: 'bypass', rule: 'server-passthru' },
      { kind: 'bypass', rule: 'server-passthru' },
    ],
    [invalid, { kind: 'deny', reason: 'wrong-code' }, { kind: 'deny', reason: 'wrong-code' }],
    [{ kind: 'replayed' }, { kind: 'deny', reason: 'replayed-code' }, { kind: 'deny', reason: 'replayed-code' }],
    [
      { kind: 'not-enrolled' },
      { kind: 'deny', reason: 'not-enrolled' },
      {
        kind: 'deny',
        reason: 'not-enrolled',
        says: 'You have no device enrolled for push, and this session cannot ask for a code. Use a terminal (ssh -t).',
      },
    ],
    [{ kind: 'denied-by-person' }, { kind: 'deny', reason: 'push-refused' }, { kind: 'deny', reason: 'push-refused' }],
    [{ kind: 'unanswered' }, { kind: 'deny', reason: 'push-unanswered' }, { kind: 'deny', reason: 'push-unanswered' }],
    [
      { kind: 'refused', reason: 'server-policy', detail: 'IP_POLICY_FAILED' },
      { kind: 'deny', reason: 'server-policy', detail: 'IP_POLICY_FAILED' },
      { kind: 'deny', reason: 'server-policy', detail: 'IP_POLICY_FAILED' },
    ],
    [
      { kind: 'unavailable', cause: 'unreachable', detail: 'refused' },
      { kind: 'deny', reason: 'server-unavailable', detail: 'unreachable: refused' },
      { kind: 'deny', reason: 'server-unavailable', detail: 'unreachable: refused' },
    ],
  ];
  for (const [outcome, typed, silent] of table) {
    const [decision] = await withTerminal(fakePorts(new FakeVerifier(outcome)), '111111', '222222', '333333');
    t.same(decision, typed, `${outcome.kind}, code`);
    const conversation = new SilentConversation();
    const pushed = await authenticate(anAttempt(), conversation, fakePorts(new FakeVerifier(outcome)), never);
    t.same(pushed, silent, `${outcome.kind}, push`);
    t.notOk(
      conversation.said.some(line => line.startsWith('?')),
      'nobody is asked',
    );
  }
});

t.test('only a server that is not there can be fail-safe, and only if the administrator says so', async t => {
  const causes: [UnavailableCause, boolean][] = [
    ['unreachable', true],
    ['timeout', true],
    ['server-error', true],
    ['bad-answer', true],
    ['rate-limited', true],
    ['tls', false],
    ['refused', false],
    ['credentials', false],
    ['configuration', false],
  ];
  for (const [cause, mayOpen] of causes) {
    const verifier = () => new FakeVerifier({ kind: 'unavailable', cause, detail: 'x' });
    const [secure] = await withTerminal(fakePorts(verifier()), '123456');
    t.equal(secure.kind, 'deny', `${cause}, secure`);
    const [safe] = await withTerminal(fakePorts(verifier(), { policy: { failMode: 'safe' } }), '123456');
    t.equal(safe.kind, mayOpen ? 'bypass' : 'deny', `${cause}, safe`);
    if (safe.kind === 'bypass') t.equal(safe.rule, 'fail-safe');
    const [unlisted] = await withTerminal(
      fakePorts(verifier(), { policy: { failMode: 'safe', failSafeOn: [] } }),
      '123456',
    );
    t.equal(unlisted.kind, 'deny', `${cause}, safe, not listed`);
    const [offline] = await withTerminal(fakePorts(verifier(), { policy: { offlineUsers: ['alice'] } }), '123456');
    t.equal(offline.kind, mayOpen ? 'bypass' : 'deny', `${cause}, offline user`);

    const alone = anAttempt({ firstFactorProved: false, standsAlone: true });
    for (const policy of [{ failMode: 'safe' }, { offlineUsers: ['alice'] }] as const) {
      const ports = fakePorts(verifier(), { policy, identity: everybodyIsKnown });
      const decision = await authenticate(alone, new ScriptedConversation('123456'), ports, never);
      t.equal(decision.kind, 'deny', `${cause}, and no other factor stands before this one`);
    }
  }
});

t.test('a wrong code can be corrected; after so many the login ends', async t => {
  const verifier = () =>
    new FakeVerifier(proof => (proof.factor === 'totp' && proof.code.expose() === '999999' ? valid : invalid));
  const [corrected, { said }] = await withTerminal(fakePorts(verifier()), '111111', '999999');
  t.match(corrected, { kind: 'allow' });
  t.match(said[1], /^! Wrong code/);

  const ports = fakePorts(verifier(), { policy: { attempts: 2 } });
  const [ended] = await withTerminal(ports, '111111', '222222', '999999');
  t.same(ended, { kind: 'deny', reason: 'wrong-code' });
  t.equal(ports.verifier.asked.length, 2);
});

t.test('what is not a code is never sent, and not counted as a guess', async t => {
  const typed = ['hunter2', '12345', '1234567', '１２３４５６', '12345a', '\u001b[A', '9'.repeat(1_000_000)];
  const ports = fakePorts(new FakeVerifier(valid), { policy: { attempts: typed.length } });
  const [decision, { said }] = await withTerminal(ports, ...typed);
  t.match(decision, { kind: 'deny', reason: 'not-a-code', says: /^That is not a code: type 6 digits/ });
  t.same(ports.verifier.asked, []);
  t.equal(ports.memory.throttles.size, 0);
  t.notMatch(said.join('\n'), /hunter2|12345[^6]/);
});

t.test('Enter sends one push, with a number to match if the server can show it', async t => {
  const ports = fakePorts(new FakeVerifier(valid, true));
  const [decision, { said }] = await withTerminal(ports, '', { wait: true });
  t.same(decision, { kind: 'allow', factor: 'push' });
  t.same(ports.verifier.asked, [{ person: 'alice@example.com', factor: 'push', number: '99' }]);
  t.match(said[1], /the number 99, or type a code: $/);

  const without = fakePorts(new FakeVerifier(valid, false));
  const [, plain] = await withTerminal(without, '', { wait: true });
  t.same(without.verifier.asked, [{ person: 'alice@example.com', factor: 'push' }]);
  t.equal(plain.said[1], '? Push sent. Approve it on your device, or type a code: ');
});

t.test('a code typed while a push waits cancels the push and decides', async t => {
  const ports = fakePorts(
    new FakeVerifier((proof, signal) => (proof.factor === 'push' ? unansweredPush(signal) : valid)),
  );
  const [decision] = await withTerminal(ports, '', '123456');
  t.same(decision, { kind: 'allow', factor: 'totp' });
  t.ok(ports.verifier.signals[0]?.aborted, 'the push was cancelled');
  t.equal(ports.memory.pushes.size, 0);
});

t.test('Enter alone goes on waiting for the push that was sent', async t => {
  let approve: (outcome: Outcome) => void = () => {};
  const ports = fakePorts(new FakeVerifier(() => new Promise(resolve => (approve = resolve))));
  const pending = withTerminal(ports, '', '', '', { wait: true });
  while (ports.verifier.asked.length === 0) await new Promise(setImmediate);
  approve(valid);
  const [decision, { said }] = await pending;
  t.same(decision, { kind: 'allow', factor: 'push' });
  t.equal(ports.verifier.asked.length, 1, 'and sends no second one');
  t.ok(said.length >= 2);
});

t.test('autopush sends the push unasked, once; afterwards a code is asked for', async t => {
  const ports = fakePorts(new FakeVerifier({ kind: 'unanswered' }), { policy: { autopush: true, attempts: 2 } });
  const [decision, { said }] = await withTerminal(ports, { wait: true }, 'x');
  t.match(decision, { kind: 'deny', reason: 'not-a-code', says: /^That is not a code: type 6 digits/ });
  t.match(said[0], /^\? Push sent/);
  t.equal(said.at(-1), '? Code, or Enter for push: ');
  t.equal(ports.verifier.asked.length, 1);
});

t.test('a refused push ends the login and starts a cool-down that survives it', async t => {
  const ports = fakePorts(new FakeVerifier({ kind: 'denied-by-person' }));
  const [refused] = await withTerminal(ports, '', { wait: true });
  t.same(refused, { kind: 'deny', reason: 'push-refused' });

  const again = await authenticate(anAttempt(), new SilentConversation(), ports, never);
  t.same(again, { kind: 'deny', reason: 'push-cooling-down' });
  t.equal(ports.verifier.asked.length, 1, 'no second push');

  ports.clock.time += 60_001;
  await authenticate(anAttempt(), new SilentConversation(), ports, never);
  t.equal(ports.verifier.asked.length, 2, 'after the cool-down a push is sent again');
});

t.test('one live push per person', async t => {
  let answer: (outcome: Outcome) => void = () => {};
  const ports = fakePorts(new FakeVerifier(() => new Promise(resolve => (answer = resolve))));
  const first = authenticate(anAttempt(), new SilentConversation(), ports, never);
  while (ports.verifier.asked.length === 0) await new Promise(setImmediate);
  const second = await authenticate(anAttempt(), new SilentConversation(), ports, never);
  t.same(second, { kind: 'deny', reason: 'push-already-waiting' });
  answer(valid);
  t.match(await first, { kind: 'allow' });
});

t.test('no push before a first factor is proved', async t => {
  const ports = fakePorts(new FakeVerifier(valid), { policy: { autopush: true }, identity: everybodyIsKnown });
  const attempt = anAttempt({ firstFactorProved: false });
  const conversation = new ScriptedConversation('', '', '');
  t.match(await authenticate(attempt, conversation, ports, never), { kind: 'deny' });
  t.equal(conversation.said[0], '? Code: ');
  t.match(await authenticate(attempt, new SilentConversation(), ports, never), { reason: 'no-conversation' });
  t.same(ports.verifier.asked, []);
});

t.test('a code that opened the door opens it no second time', async t => {
  const ports = fakePorts(new FakeVerifier(valid), { policy: { attempts: 1 } });
  t.match((await withTerminal(ports, '123456'))[0], { kind: 'allow' });
  t.same((await withTerminal(ports, '123456'))[0], { kind: 'deny', reason: 'replayed-code' });
  t.equal(ports.verifier.asked.length, 1, 'the server is not asked again');
});

t.test('a code opens one of two logins at the same time', async t => {
  const ports = fakePorts(
    new FakeVerifier(async () => {
      await new Promise(setImmediate);
      return valid;
    }),
    { policy: { attempts: 1 } },
  );
  const decisions = await Promise.all([1, 2, 3, 4].map(async () => (await withTerminal(ports, '123456'))[0].kind));
  t.same(decisions.toSorted(), ['allow', 'deny', 'deny', 'deny']);
});

t.test('a code that was refused, or that nobody could check, may be typed again', async t => {
  for (const outcome of [invalid, { kind: 'unavailable', cause: 'timeout', detail: '' }] as const) {
    const ports = fakePorts(new FakeVerifier(outcome), { policy: { attempts: 1 } });
    await withTerminal(ports, '123456');
    t.notMatch((await withTerminal(ports, '123456'))[0], { reason: 'replayed-code' });
    t.equal(ports.verifier.asked.length, 2);
  }
});

t.test('the same person under another name, or in other letters, cannot use a code twice', async t => {
  const identity = { people: new Map<string, string>(), keys: new Map<string, string>(), domain: '' };
  const ports = fakePorts(new FakeVerifier(valid), { identity, policy: { attempts: 1 } });
  t.match((await withTerminal(ports, 'alice@example.com', '123456'))[0], { kind: 'allow' });
  t.match((await withTerminal(ports, 'Alice@Example.com', '123456'))[0], { reason: 'replayed-code' });
  t.match((await withTerminal(ports, 'alice', '123456'))[0], { reason: 'replayed-code' });
});

t.test('wrong codes hold off the account, longer and longer, until a right one', async t => {
  const ports = fakePorts(
    new FakeVerifier(proof => (proof.factor === 'totp' && proof.code.expose() === '999999' ? valid : invalid)),
    { policy: { attempts: 1 }, throttle: { accountFreeTries: 2 } },
  );
  await withTerminal(ports, '111111');
  await withTerminal(ports, '222222');
  const [held, { said }] = await withTerminal(ports, '999999');
  t.match(held, { reason: 'throttled', says: /30 seconds/ });
  t.same(said, [], 'nobody is asked while the hold lasts');

  ports.clock.time += 30_001;
  await withTerminal(ports, '333333');
  ports.clock.time += 30_001;
  t.match((await withTerminal(ports, '999999'))[0], { reason: 'throttled' }, 'the second hold is longer');
  ports.clock.time += 30_001;
  t.match((await withTerminal(ports, '999999'))[0], { kind: 'allow' });
  t.match((await withTerminal(ports, '444444'))[0], { reason: 'wrong-code' }, 'the right code wiped the slate');
});

t.test('guesses spread over accounts hold off their address', async t => {
  const ports = fakePorts(new FakeVerifier(invalid), {
    policy: { attempts: 1 },
    throttle: { addressFreeTries: 2 },
    identity: { people: new Map(), keys: new Map(), domain: 'example.com' },
  });
  const guess = async (account: string, clientAddress: string) =>
    await authenticate(
      anAttempt({ account, clientAddress, vouched: true }),
      new ScriptedConversation('111111'),
      ports,
      never,
    );
  await guess('alice', '192.0.2.1');
  await guess('bob', '192.0.2.1');
  t.match(await guess('carol', '192.0.2.1'), { reason: 'throttled' });
  t.match(await guess('carol', '192.0.2.2'), { reason: 'wrong-code' });
});

t.test(
  'what was proved at a proxy is not asked again, whatever others have typed; who does not exist stays out',
  async t => {
    const proxied = { person: 'alice@example.com', factor: 'push' };
    const ports = fakePorts(new FakeVerifier(invalid), { throttle: { accountFreeTries: 1 } });
    const silent = new SilentConversation();
    await authenticate(anAttempt(), new ScriptedConversation('111111'), ports, never);
    t.match(await authenticate(anAttempt(), silent, ports, never), { reason: 'throttled' });
    t.match(await authenticate(anAttempt({ proxied }), silent, ports, never), {
      kind: 'bypass',
      rule: 'proxied',
      detail: 'push',
    });
    const ghost = fakePorts(new FakeVerifier(valid), {}, { kind: 'unknown' });
    t.match(await authenticate(anAttempt({ proxied }), silent, ghost, never), { kind: 'deny' });
  },
);

t.test('exempt accounts pass without a question; a failed group look-up denies', async t => {
  const verifier = () => new FakeVerifier(invalid);
  const silent = new SilentConversation();
  const decide = async (policy: object, account?: Parameters<typeof fakePorts>[2]) =>
    await authenticate(anAttempt(), silent, fakePorts(verifier(), { policy }, account), never);

  t.match(await decide({ exemptUsers: ['alice'] }), { kind: 'bypass', rule: 'exempt-user' });
  t.match(await decide({ exemptGroups: ['staff'] }), { kind: 'bypass', rule: 'exempt-group', detail: 'staff' });
  t.match(await decide({ requiredGroups: ['admins'] }), { kind: 'bypass', rule: 'not-required' });
  t.match(await decide({ requiredGroups: ['staff'] }), { kind: 'deny' });
  t.match(await decide({ requiredUsers: ['alice'], exemptGroups: ['staff'] }), { kind: 'deny' });

  const noGroups = { groups: { kind: 'unavailable', detail: 'ldap down' } } as const;
  t.match(await decide({ exemptGroups: ['staff'] }, noGroups), { reason: 'account-lookup-failed' });
  t.match(await decide({ requiredGroups: ['staff'] }, noGroups), { reason: 'account-lookup-failed' });
  t.match(await decide({ exemptUsers: ['alice'] }, noGroups), { kind: 'bypass' }, 'no group rule is needed here');
  t.match(await decide({ exemptUsers: ['alice'] }, { kind: 'unavailable', detail: 'nss' }), {
    reason: 'account-lookup-failed',
  });
  t.same(
    silent.said.filter(line => line.startsWith('?')),
    [],
  );
});

t.test('an account has one name, however it was spelt at the door', async t => {
  const ports = fakePorts(new FakeVerifier(invalid), { policy: { attempts: 1 } }, { name: 'alice' });
  await authenticate(anAttempt({ account: 'ALICE' }), new ScriptedConversation('111111'), ports, never);
  await authenticate(anAttempt({ account: 'Alice' }), new ScriptedConversation('222222'), ports, never);
  t.equal(ports.memory.throttleOf('account:alice')?.failures, 2);
  t.equal(ports.verifier.asked[0]?.person, 'alice@example.com', 'and one person behind it');
  const exempt = fakePorts(new FakeVerifier(invalid), { policy: { exemptUsers: ['alice'] } }, { name: 'alice' });
  t.match(await authenticate(anAttempt({ account: 'ALICE' }), new SilentConversation(), exempt, never), {
    rule: 'exempt-user',
  });
});

t.test('an account that does not exist gets the same dialogue, and no server hears of it', async t => {
  const real = fakePorts(new FakeVerifier(invalid));
  const [, known] = await withTerminal(real, '111111', '222222', '333333');
  const ghost = fakePorts(new FakeVerifier(valid), { policy: { exemptUsers: ['alice'] } }, { kind: 'unknown' });
  const [decision, unknown] = await withTerminal(ghost, '111111', '222222', '333333');
  t.same(decision, { kind: 'deny', reason: 'wrong-code', detail: 'no such account' });
  t.same(unknown.said, known.said);
  t.same(ghost.verifier.asked, []);
});

t.test('before a first factor, no question tells which accounts the rules name', async t => {
  const stranger = { firstFactorProved: false, account: 'alice' };
  const ask = async (account: string, conversation: ScriptedConversation, found = true) => {
    const ports = fakePorts(new FakeVerifier(invalid), {}, found ? undefined : { kind: 'unknown' });
    const decision = await authenticate(anAttempt({ ...stranger, account }), conversation, ports, never);
    return { decision, said: conversation.said, asked: ports.verifier.asked.map(({ person }) => person) };
  };
  const answers = ['mallory', '111111', '222222', '333333'];
  const named = await ask('alice', new ScriptedConversation(...answers));
  const unnamed = await ask('bob', new ScriptedConversation(...answers));
  const missing = await ask('ghost', new ScriptedConversation(...answers), false);
  t.match(named.said[0], /TRASA ID/);
  t.same(unnamed.said, named.said);
  t.same(missing.said, named.said);
  t.same(new Set(named.asked), new Set(['alice@example.com']), 'whatever is typed, the rule says who it is');
  t.same(new Set(unnamed.asked), new Set(['mallory']));
  t.same(missing.asked, []);

  // pam_exec has an answer to no such question: a code there is for whom the rules name.
  const once = (): ScriptedConversation => {
    const conversation = new ScriptedConversation('111111');
    const { promptEchoOn } = conversation;
    return Object.assign(conversation, {
      answersOnce: true,
      promptEchoOn: async (text: string, withdraw?: AbortSignal) =>
        text.includes('TRASA ID') ? { kind: 'unable' } : await promptEchoOn.call(conversation, text, withdraw),
    });
  };
  const [one, other] = [await ask('alice', once()), await ask('bob', once())];
  t.same(one.said, other.said);
  t.match(one.decision, { reason: 'wrong-code' });
  t.match(other.decision, { reason: 'wrong-code', detail: 'no rule tells the TRASA ID' });
  t.same([one.asked, other.asked], [['alice@example.com'], []]);
});

t.test('the TRASA ID comes from the account map, then the key map, then the domain, and is asked for last', async t => {
  const key = 'SHA256:abc';
  const cases: [string[][], string[][], string, string][] = [
    [[['alice', 'a@x.org']], [[key, 'k@x.org']], 'x.org', 'a@x.org'],
    [[['bob', 'b@x.org']], [[key, 'k@x.org']], 'x.org', 'k@x.org'],
    [[], [['SHA256:other', 'o@x.org']], 'x.org', 'alice@x.org'],
  ];
  for (const [people, keys, domain, expected] of cases) {
    const identity = {
      people: new Map(people as [string, string][]),
      keys: new Map(keys as [string, string][]),
      domain,
    };
    const ports = fakePorts(new FakeVerifier(valid), { identity });
    const conversation = new ScriptedConversation('123456');
    await authenticate(anAttempt({ keyFingerprint: key }), conversation, ports, never);
    t.equal(ports.verifier.asked[0]?.person, expected);
    t.notMatch(conversation.said.join(), /TRASA ID/);
  }

  const unknown = { people: new Map<string, string>(), keys: new Map<string, string>(), domain: '' };
  const ports = fakePorts(new FakeVerifier(invalid), { identity: unknown });
  const [, { said }] = await withTerminal(ports, ' alice@x.org ', '111111', '222222', '333333');
  t.equal(said.filter(line => line.includes('TRASA ID')).length, 1, 'asked for once, whatever happens then');
  t.equal(ports.verifier.asked[0]?.person, 'alice@x.org');

  const nobody = await authenticate(
    anAttempt(),
    new SilentConversation(),
    fakePorts(new FakeVerifier(valid), { identity: unknown }),
    never,
  );
  t.match(nobody, { reason: 'no-conversation' });
  for (const typed of ['', 'a b', 'x'.repeat(1000), 'a@b@c', '\u0007'])
    t.match(
      (await withTerminal(fakePorts(new FakeVerifier(valid), { identity: unknown }), typed))[0],
      { reason: 'unknown-person' },
      JSON.stringify(typed.slice(0, 10)),
    );
});

t.test('grace is off unless asked for, and bound to account, address and key', async t => {
  const policy = { graceMs: 600_000 };
  const ports = fakePorts(new FakeVerifier(valid), {
    policy,
    identity: { people: new Map(), keys: new Map(), domain: 'x.org' },
  });
  const key = 'SHA256:abc';
  await authenticate(anAttempt({ keyFingerprint: key }), new ScriptedConversation('123456'), ports, never);
  const silently = async (changes: object) => {
    const decision = await authenticate(
      anAttempt({ keyFingerprint: key, ...changes }),
      new SilentConversation(),
      ports,
      never,
    );
    return decision.kind === 'bypass' ? decision.rule : decision.kind;
  };
  // FakeVerifier says yes to a push: `allow` means that the person was asked for it.
  t.equal(await silently({}), 'grace');
  ports.memory.pushes.clear();
  t.equal(await silently({ clientAddress: '192.0.2.8' }), 'allow');
  t.equal(await silently({ keyFingerprint: 'SHA256:def' }), 'allow');
  t.equal(await silently({ account: 'bob' }), 'allow');
  ports.clock.time += 600_001;
  t.equal(await silently({}), 'allow');

  const off = fakePorts(new FakeVerifier(valid));
  await withTerminal(off, '123456');
  t.equal(off.memory.graces.size, 0);

  const { clientAddress: _, ...nowhere } = anAttempt();
  const unbound = fakePorts(new FakeVerifier(valid), { policy });
  await authenticate(nowhere, new ScriptedConversation('123456'), unbound, never);
  t.equal(unbound.memory.graces.size, 0, 'no grace without an address');
});

t.test('a grace is neither given nor taken before a first factor is proved', async t => {
  const ports = fakePorts(new FakeVerifier(valid), { policy: { graceMs: 600_000 }, identity: everybodyIsKnown });
  const unproved = anAttempt({ firstFactorProved: false });
  t.match(await authenticate(unproved, new ScriptedConversation('123456'), ports, never), { kind: 'allow' });
  t.equal(ports.memory.graces.size, 0);

  await withTerminal(ports, '234567');
  t.equal(ports.memory.graces.size, 1);
  const conversation = new ScriptedConversation('345678');
  t.match(await authenticate(unproved, conversation, ports, never), { kind: 'allow' });
  t.equal(conversation.said[0], '? Code: ');
});

t.test('a bypass grants no grace', async t => {
  const ports = fakePorts(new FakeVerifier({ kind: 'unavailable', cause: 'unreachable', detail: '' }), {
    policy: { graceMs: 600_000, failMode: 'safe' },
  });
  t.match((await withTerminal(ports, '123456'))[0], { rule: 'fail-safe' });
  t.equal(ports.memory.graces.size, 0);
});

t.test('giving up ends the login at once, cancels the push, and nothing that comes later opens the door', async t => {
  for (const reason of ['cancelled', 'disconnected', 'timed-out', 'shutting-down'] as const) {
    const abort = new AbortController();
    let answer: (outcome: Outcome) => void = () => {};
    const ports = fakePorts(new FakeVerifier(() => new Promise(resolve => (answer = resolve))), {
      policy: { graceMs: 1000 },
    });
    const pending = authenticate(anAttempt(), new SilentConversation(), ports, abort.signal);
    while (ports.verifier.asked.length === 0) await new Promise(setImmediate);
    abort.abort(reason);
    t.same(await pending, { kind: 'deny', reason });
    t.ok(ports.verifier.signals[0]?.aborted);
    answer(valid);
    await new Promise(setImmediate);
    t.equal(ports.memory.graces.size, 0, 'a late approval grants nothing');
    t.equal(ports.events.length, 1);
  }
});

t.test('an answer in the moment of giving up is given up too', async t => {
  const abort = new AbortController();
  const ports = fakePorts(
    new FakeVerifier(() => {
      abort.abort('disconnected');
      return valid;
    }),
  );
  t.same(await authenticate(anAttempt(), new SilentConversation(), ports, abort.signal), {
    kind: 'deny',
    reason: 'disconnected',
  });
});

t.test('Ctrl-C at any question ends the login', async t => {
  const unknown = { people: new Map<string, string>(), keys: new Map<string, string>(), domain: '' };
  const push = () => new FakeVerifier((_, signal) => unansweredPush(signal));
  const cancel = { cancel: true } as const;
  t.match((await withTerminal(fakePorts(push(), { identity: unknown }), cancel))[0], { reason: 'cancelled' });
  t.match((await withTerminal(fakePorts(push()), cancel))[0], { reason: 'cancelled' });
  const waiting = fakePorts(push());
  t.match((await withTerminal(waiting, '', cancel))[0], { reason: 'cancelled' });
  t.ok(waiting.verifier.signals[0]?.aborted, 'the push was cancelled');
});

t.test('what breaks inside denies', async t => {
  const thrower = fakePorts(
    new FakeVerifier(() => {
      throw new Error('a bug');
    }),
  );
  t.match((await withTerminal(thrower, '123456'))[0], { kind: 'deny', reason: 'internal-error' });
  t.equal(thrower.memory.claims.size, 0, 'the code is given back');

  const full = fakePorts(new FakeVerifier(valid));
  full.memory.claimCode = () => {
    throw new MemoryError('disk full');
  };
  t.match((await withTerminal(full, '123456'))[0], { kind: 'deny', reason: 'state-unavailable' });

  const mute = fakePorts(new FakeVerifier(valid));
  mute.audit.decision = () => {
    throw new Error('ENOSPC');
  };
  t.match((await withTerminal(mute, '123456'))[0], { kind: 'deny', reason: 'state-unavailable' });
});

t.test('the audit line has every field of the log, and no code', async t => {
  const ports = fakePorts(
    new FakeVerifier(() => {
      ports.clock.time += 40;
      return valid;
    }),
  );
  const attempt = anAttempt({ tty: '/dev/pts/3', command: 'tmux', keyFingerprint: 'SHA256:abc' });
  await authenticate(attempt, new ScriptedConversation('123456'), ports, never);
  t.same(ports.events, [
    {
      event: 'decision',
      attempt: attempt.id,
      door: 'login',
      uid: 1001,
      service: 'sshd',
      account: 'alice',
      person: 'alice@example.com',
      client: '192.0.2.7',
      tty: '/dev/pts/3',
      key: 'SHA256:abc',
      command: 'tmux',
      factor: 'totp',
      decision: 'allow',
      reason: 'totp',
      detail: null,
      server: 'fake',
      totalMs: 40,
      verifyMs: 40,
    },
  ]);
});

t.test(
  'a conversation that takes nothing back is told when to press Enter, and Enter then waits for the push',
  async t => {
    let approve: (outcome: Outcome) => void = () => {};
    const ports = fakePorts(new FakeVerifier(() => new Promise(resolve => (approve = resolve)), true));
    const conversation = new ScriptedConversation('', '');
    Object.assign(conversation, { canWithdraw: false });
    const pending = authenticate(anAttempt({ door: 'pam' }), conversation, ports, never);
    while (conversation.said.length < 2) await new Promise(setImmediate);
    t.match(conversation.said[1], /the number 99, then press Enter, or type a code: $/);
    await new Promise(setImmediate);
    approve(valid);
    t.same(await pending, { kind: 'allow', factor: 'push' });
    t.equal(conversation.said.length, 2, 'after Enter nothing more is asked');
  },
);

t.test("the original's words are used where they are asked for", async t => {
  const unknown = { people: new Map<string, string>(), keys: new Map<string, string>(), domain: '' };
  const conversation = new ScriptedConversation('alice@x.org', '123456');
  const ports = fakePorts(new FakeVerifier(valid), { identity: unknown });
  await authenticate(anAttempt({ inWordsOfTrasa: true }), conversation, ports, never);
  t.same(conversation.said, [
    '? Enter your TRASA ID (email or username): ',
    '? Enter your totp code (submit empty for U2F): ',
  ]);
});

t.test('what was reached in the moment of giving up is given up too, even by a rule that asks nobody', async t => {
  const abort = new AbortController();
  const ports = fakePorts(new FakeVerifier(valid), { policy: { graceMs: 600_000 } });
  ports.memory.graceUntil = () => {
    abort.abort('disconnected');
    return Number.MAX_SAFE_INTEGER;
  };
  t.same(await authenticate(anAttempt(), new SilentConversation(), ports, abort.signal), {
    kind: 'deny',
    reason: 'disconnected',
  });
  t.match(ports.events, [{ decision: 'deny', reason: 'disconnected' }], 'and logged as what it is');
});

t.test('a login that was given up before it began is denied at once, whatever hangs', async t => {
  const ports = fakePorts(new FakeVerifier(valid));
  ports.directory.account = async () => await new Promise(() => {});
  t.same(await authenticate(anAttempt(), new SilentConversation(), ports, AbortSignal.abort('timed-out')), {
    kind: 'deny',
    reason: 'timed-out',
  });
});

t.test('giving up for a reason that nobody knows denies', async t => {
  const ports = fakePorts(new FakeVerifier(valid));
  const decision = await authenticate(anAttempt(), new SilentConversation(), ports, AbortSignal.abort());
  t.match(decision, { kind: 'deny', reason: 'internal-error', detail: 'aborted without a reason' });
});

t.test('a grace lets nobody into an account that is gone', async t => {
  const ports = fakePorts(new FakeVerifier(valid), { policy: { graceMs: 600_000 } }, { kind: 'unknown' });
  ports.memory.graceUntil = () => Number.MAX_SAFE_INTEGER;
  t.same((await withTerminal(ports, '123456', '123456', '123456'))[0], {
    kind: 'deny',
    reason: 'wrong-code',
    detail: 'no such account',
  });
});

t.test('a grace ends on time, and at once when the administrator switches graces off', async t => {
  const decide = async (graceMs: number, laterMs: number) => {
    const ports = fakePorts(new FakeVerifier(valid), { policy: { graceMs } });
    ports.memory.graceUntil = () => 1_700_000_000_000 + 600_000;
    ports.clock.time += laterMs;
    return (await authenticate(anAttempt(), new SilentConversation(), ports, never)).kind;
  };
  t.equal(await decide(600_000, 599_999), 'bypass');
  t.equal(await decide(600_000, 600_000), 'allow', 'asked again');
  t.equal(await decide(0, 1), 'allow', 'asked, though an older configuration granted it');
});

t.test('without a terminal one push is sent, and the person is told what is awaited', async t => {
  const ports = fakePorts(new FakeVerifier({ kind: 'unanswered' }, true), { policy: { attempts: 3 } });
  const conversation = new SilentConversation();
  t.same(await authenticate(anAttempt(), conversation, ports, never), { kind: 'deny', reason: 'push-unanswered' });
  t.equal(ports.verifier.asked.length, 1);
  t.same(conversation.said, [
    'i Push sent. Waiting for you to approve it on your device, where it shows the number 99.',
  ]);
});

t.test('the cool-down after a refused push ends on time', async t => {
  const ports = fakePorts(new FakeVerifier({ kind: 'denied-by-person' }));
  await authenticate(anAttempt(), new SilentConversation(), ports, never);
  ports.clock.time += 60_000;
  await authenticate(anAttempt(), new SilentConversation(), ports, never);
  t.equal(ports.verifier.asked.length, 2);
});

t.test('Enter before a first factor is proved is an answer without a code, which may be corrected', async t => {
  const ports = fakePorts(new FakeVerifier(valid), { identity: everybodyIsKnown });
  const attempt = anAttempt({ firstFactorProved: false });
  t.match(await authenticate(attempt, new ScriptedConversation('', '', ''), ports, never), { reason: 'not-a-code' });
  t.match(await authenticate(attempt, new ScriptedConversation('', '123456'), ports, never), { kind: 'allow' });
});

t.test('whoever has no device for push is told so, and may type a code', async t => {
  const ports = fakePorts(new FakeVerifier(proof => (proof.factor === 'push' ? { kind: 'not-enrolled' } : valid)));
  const [decision, { said }] = await withTerminal(ports, '', { wait: true }, '123456');
  t.match(decision, { kind: 'allow', factor: 'totp' });
  t.ok(said.includes('! You have no device enrolled for push. Type a code.'), said.join('\n'));

  const without = fakePorts(new FakeVerifier({ kind: 'not-enrolled' }));
  t.match((await withTerminal(without, '123456'))[0], { reason: 'not-enrolled' }, 'without any factor it ends at once');
  t.equal(without.verifier.asked.length, 1);
});

t.test('never two questions are open, however long it takes to take one back', async t => {
  const ports = fakePorts(new FakeVerifier({ kind: 'unanswered' }), { policy: { autopush: true } });
  const slowly = async () => {
    for (let turns = 0; turns < 3; turns++) await new Promise(setImmediate);
    return '999999'; // typed into the question that was taken back: nobody reads it
  };
  const [decision, { said }] = await withTerminal(ports, slowly, 'x', 'y');
  t.match(decision, { kind: 'deny', reason: 'not-a-code' });
  t.equal(said.filter(line => line.startsWith('?')).length, 3);
  t.match(
    ports.verifier.asked.map(({ factor }) => factor),
    ['push'],
  );
});

t.test('a push that breaks after it was given up for a code harms nobody', async t => {
  const ports = fakePorts(
    new FakeVerifier(async (proof, signal) => {
      if (proof.factor === 'totp') return valid;
      await unansweredPush(signal);
      throw new Error('a bug');
    }),
  );
  const [decision] = await withTerminal(ports, '', '123456');
  await new Promise(setImmediate); // an unhandled rejection would end the process here
  t.match(decision, { kind: 'allow', factor: 'totp' });
});

t.test('what is typed wrong is answered with what to type', async t => {
  const [, { said }] = await withTerminal(fakePorts(new FakeVerifier(valid), { policy: { codeDigits: 8 } }), 'x', '');
  t.equal(said[1], '! That is not a code: type 8 digits.');
  const identity = { people: new Map<string, string>(), keys: new Map<string, string>(), domain: '' };
  const ports = fakePorts(new FakeVerifier(valid), { identity });
  t.match((await withTerminal(ports, 'a b'))[0], { says: /^That is not a TRASA ID: / });
});

t.test('a question that is not answered opens nothing: nobody to ask, or taken back by nobody of ours', async t => {
  for (const [kind, reason] of [
    ['unable', 'no-conversation'],
    ['withdrawn', 'cancelled'],
  ] as const) {
    const unknown = { people: new Map<string, string>(), keys: new Map<string, string>(), domain: '' };
    for (const rules of [{}, { identity: unknown }]) {
      const conversation = new ScriptedConversation();
      conversation.promptEchoOn = async () => ({ kind });
      const ports = fakePorts(new FakeVerifier(valid), rules);
      t.match(await authenticate(anAttempt(), conversation, ports, never), { kind: 'deny', reason });
    }
  }
});

t.test('the hold after too many wrong codes begins in the midst of a login', async t => {
  const ports = fakePorts(new FakeVerifier(proof => (proof.factor === 'totp' ? invalid : valid)), {
    policy: { attempts: 10 },
    throttle: { accountFreeTries: 2 },
  });
  const [decision] = await withTerminal(ports, '111111', '222222', '333333', '444444');
  t.match(decision, { kind: 'deny', reason: 'throttled' });
  t.equal(ports.verifier.asked.length, 2, 'the third code is not looked at');
});

t.test('a hold ends on time, and says until then how long it lasts', async t => {
  const ports = fakePorts(new FakeVerifier(invalid), { policy: { attempts: 1 }, throttle: { accountFreeTries: 1 } });
  await withTerminal(ports, '111111');
  ports.clock.time += 10_500;
  t.match((await withTerminal(ports, '222222'))[0], { detail: 'for 20 s', says: /Try again in 20 seconds\.$/ });
  ports.clock.time += 19_500;
  t.match((await withTerminal(ports, '222222'))[0], { reason: 'wrong-code' });
});

t.test('a right code forgets all the wrong ones of its account before it', async t => {
  const ports = fakePorts(
    new FakeVerifier(proof => (proof.factor === 'totp' && proof.code.expose() === '999999' ? valid : invalid)),
    { policy: { attempts: 1 }, throttle: { accountFreeTries: 2 } },
  );
  await withTerminal(ports, '111111');
  t.match((await withTerminal(ports, '999999'))[0], { kind: 'allow' });
  await withTerminal(ports, '222222');
  t.match((await withTerminal(ports, '333333'))[0], { reason: 'wrong-code' }, 'the first after it, not the second');
});

t.test('logins whose client address is not known do not hold each other off', async t => {
  const ports = fakePorts(new FakeVerifier(invalid), {
    policy: { attempts: 1 },
    throttle: { addressFreeTries: 2 },
    identity: { people: new Map(), keys: new Map(), domain: 'example.com' },
  });
  for (const account of ['alice', 'bob', 'carol']) {
    const { clientAddress: _, ...nowhere } = anAttempt({ account });
    t.match(await authenticate(nowhere, new ScriptedConversation('111111'), ports, never), { reason: 'wrong-code' });
  }
});

t.test('a code is used once on a host, by way of whatever account', async t => {
  const people = new Map([
    ['alice', 'alice@example.com'],
    ['root', 'Alice@Example.com'],
    ['bob', 'bob@example.com'],
  ]);
  const ports = fakePorts(new FakeVerifier(valid), {
    identity: { people, keys: new Map(), domain: '' },
    policy: { attempts: 1 },
  });
  const enter = async (account: string) =>
    await authenticate(anAttempt({ account }), new ScriptedConversation('123456'), ports, never);
  t.match(await enter('alice'), { kind: 'allow' });
  t.match(await enter('root'), { reason: 'replayed-code' });
  t.match(await enter('bob'), { reason: 'replayed-code' });
});

t.test('troubles of ours are told apart from those of the server, and from each other', async t => {
  const decide = async (cause: UnavailableCause, policy: object = {}) =>
    (
      await withTerminal(fakePorts(new FakeVerifier({ kind: 'unavailable', cause, detail: 'x' }), { policy }), '123456')
    )[0];
  t.strictSame(await decide('configuration'), { kind: 'deny', reason: 'config-invalid', detail: 'x' });
  t.strictSame(await decide('credentials'), { kind: 'deny', reason: 'credentials-refused', detail: 'x' });
  t.strictSame(await decide('tls'), { kind: 'deny', reason: 'server-unavailable', detail: 'tls: x' });
  t.strictSame(await decide('timeout', { offlineUsers: ['alice'], failMode: 'safe' }), {
    kind: 'bypass',
    rule: 'offline-user',
    detail: 'timeout: x',
  });
});

t.test('the audit line says null for what is not known, and why where there is more to say', async t => {
  const { clientAddress: _, ...nowhere } = anAttempt();
  const ports = fakePorts(new FakeVerifier(valid), {}, { kind: 'unavailable', detail: 'nss' });
  await authenticate(nowhere, new SilentConversation(), ports, never);
  t.strictSame(ports.events, [
    {
      event: 'decision',
      attempt: nowhere.id,
      door: 'login',
      uid: 1001,
      service: 'sshd',
      account: 'alice',
      person: null,
      client: null,
      tty: null,
      key: null,
      command: null,
      factor: null,
      decision: 'deny',
      reason: 'account-lookup-failed',
      detail: 'nss',
      server: null,
      totalMs: 0,
      verifyMs: 0,
    },
  ]);

  const line = async (policy: object, groups: object = {}) => {
    const bypassed = fakePorts(new FakeVerifier(invalid), { policy }, groups);
    await withTerminal(bypassed, '111111', '222222', '333333');
    const event = bypassed.events[0];
    return [event?.decision, event?.reason, event?.detail];
  };
  t.strictSame(await line({ exemptGroups: ['staff'] }), ['bypass', 'exempt-group', 'staff']);
  t.strictSame(await line({}), ['deny', 'wrong-code', null]);
  const ldapIsDown = { groups: { kind: 'unavailable', detail: 'ldap down' } };
  t.strictSame(await line({ exemptGroups: ['x'] }, ldapIsDown), ['deny', 'account-lookup-failed', 'ldap down']);
});

t.test('the log of a bug says where it is, whatever was thrown', async t => {
  const decide = async (thrown: unknown) => {
    const verifier = new FakeVerifier(() => {
      throw thrown;
    });
    const [decision] = await withTerminal(fakePorts(verifier), '123456');
    return decision.kind === 'deny' ? (decision.detail ?? '') : '';
  };
  t.match(await decide(new Error('a bug')), /^Error: a bug\n\s+at .*authenticate\.test\.ts/);
  t.equal(await decide('a string'), 'a string');
  const full = fakePorts(new FakeVerifier(valid));
  full.audit.decision = () => {
    throw new Error('ENOSPC');
  };
  t.match((await withTerminal(full, '123456'))[0], { detail: 'audit log: Error: ENOSPC' });
});
