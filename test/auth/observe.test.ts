import t from 'tap';
import { authenticate } from '../../src/auth/authenticate.ts';
import type { IdentityRules } from '../../src/policy/identity.ts';
import { aliceIsKnown, anAttempt, FakeVerifier, fakePorts } from '../helpers/fake-ports.ts';
import { ScriptedConversation, SilentConversation } from '../helpers/scripted-conversation.ts';

const never = new AbortController().signal;
const nobodyIsKnown: IdentityRules = { ...aliceIsKnown, people: new Map() };
type Rules = Parameters<typeof fakePorts>[1];
type Account = Parameters<typeof fakePorts>[2];

function observing(rules: Rules = {}, account: Account = {}) {
  return fakePorts(
    new FakeVerifier({ kind: 'valid' }),
    { ...rules, policy: { ...rules?.policy, observe: true } },
    account,
  );
}

t.test(
  'whoever has proved a first factor comes in, nobody is asked, nothing is sent, and the log says what would be',
  async t => {
    const cases: [string, Rules, Account, string, string][] = [
      // title, rules, account, what would be with a terminal, and without
      ['a person', {}, {}, 'would ask alice@example.com for a second factor', 'would send a push to alice@example.com'],
      [
        'somebody whom no rule tells',
        { identity: nobodyIsKnown },
        {},
        'would ask for the TRASA ID, then for a second factor',
        'would deny: no-conversation (no rule tells the TRASA ID)',
      ],
      [
        'an exempt account',
        { policy: { exemptUsers: ['alice'] } },
        {},
        'would let in: exempt-user',
        'would let in: exempt-user',
      ],
      [
        'an account outside of what is required',
        { policy: { requiredGroups: ['wheel'] } },
        {},
        'would let in: not-required',
        'would let in: not-required',
      ],
      [
        'groups that cannot be looked up',
        { policy: { requiredGroups: ['wheel'] } },
        { groups: { kind: 'unavailable', detail: 'sssd is away' } },
        'would deny: account-lookup-failed (sssd is away)',
        'would deny: account-lookup-failed (sssd is away)',
      ],
    ];
    for (const [title, rules, account, typed, silent] of cases)
      for (const [conversation, detail] of [
        [new ScriptedConversation(), typed],
        [new SilentConversation(), silent],
      ] as const) {
        const ports = observing(rules, account);
        const decision = await authenticate(anAttempt(), conversation, ports, never);
        t.same(decision, { kind: 'bypass', rule: 'observe', detail }, title);
        t.match(ports.events, [{ decision: 'bypass', reason: 'observe', detail }], 'it is logged');
        t.notOk(
          conversation.said.some(line => line.startsWith('?')),
          'nobody is asked',
        );
        t.same(ports.verifier.asked, [], 'nothing is sent');
      }
  },
);

t.test('the person is told once, where there is somebody to be told', async t => {
  const told = async (rules: Rules = {}): Promise<readonly string[]> => {
    const conversation = new ScriptedConversation();
    await authenticate(anAttempt(), conversation, observing(rules), never);
    return conversation.said;
  };
  t.match(await told(), [/being tried out here\. Soon you will be asked for a code or a push\.$/]);
  t.same(await told({ policy: { exemptUsers: ['alice'] } }), [], 'whoever will not be asked hears nothing');
  const silent = new SilentConversation();
  await authenticate(anAttempt(), silent, observing(), never);
  t.same(silent.said, [], 'a script hears nothing');
});

t.test('somebody who would be held off is told so', async t => {
  const ports = observing();
  ports.memory.setThrottle('account:alice', { failures: 9, lastAt: ports.clock.now() });
  const conversation = new ScriptedConversation();
  t.match(await authenticate(anAttempt(), conversation, ports, never), {
    rule: 'observe',
    detail: /^would deny: throttled/,
  });
  t.match(conversation.said, [/It would not have let you in: Too many wrong codes/]);
});

t.test('an account that does not exist is denied all the same', async t => {
  const decision = await authenticate(
    anAttempt(),
    new ScriptedConversation(),
    observing({}, { kind: 'unknown' }),
    never,
  );
  t.match(decision, { kind: 'deny', reason: 'unknown-account' });
});

t.test('whoever has proved no first factor is asked all the same', async t => {
  const ports = observing();
  const conversation = new ScriptedConversation('alice', '123456');
  const decision = await authenticate(anAttempt({ firstFactorProved: false }), conversation, ports, never);
  t.same(decision, { kind: 'allow', factor: 'totp' });
  t.same(conversation.said, ['? TRASA ID (email or username): ', '? Code: ']);
});

t.test('what cannot be logged lets nobody in', async t => {
  const ports = {
    ...observing(),
    audit: {
      decision: () => {
        throw new Error('disk full');
      },
    },
  };
  t.match(await authenticate(anAttempt(), new ScriptedConversation(), ports, never), {
    kind: 'deny',
    reason: 'state-unavailable',
  });
});
