/** What somebody on the host, or with one first factor, could do to others; each was possible once. */
import t from 'tap';
import { authenticate } from '../../src/auth/authenticate.ts';
import type { Outcome } from '../../src/policy/decision.ts';
import type { IdentityRules } from '../../src/policy/identity.ts';
import { aliceIsKnown, anAttempt, type FakePorts, FakeVerifier, fakePorts } from '../helpers/fake-ports.ts';
import { ScriptedConversation, SilentConversation } from '../helpers/scripted-conversation.ts';

const never = new AbortController().signal;
const valid: Outcome = { kind: 'valid' };
const invalid: Outcome = { kind: 'invalid' };
const nobodyIsKnown: IdentityRules = { people: new Map(), keys: new Map(), domain: '' };

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
}

t.test('an address that only the door states is held off for nobody', async t => {
  const ports = fakePorts(new FakeVerifier(invalid), {
    policy: { attempts: 1 },
    throttle: { addressFreeTries: 1, accountFreeTries: 1000 },
    identity: { ...nobodyIsKnown, domain: 'x.org' },
  });
  const guess = async (account: string, vouched: boolean) =>
    await authenticate(anAttempt({ account, vouched }), new ScriptedConversation('111111'), ports, never);
  for (let i = 0; i < 10; i++) await guess('mallory', false);
  t.match(await guess('alice', true), { reason: 'wrong-code' }, 'not throttled');
  t.match(await guess('bob', true), { reason: 'throttled' }, 'by what sshd vouches for');
});

t.test('a hold on an address stops codes, and lets pushes be', async t => {
  const ports = fakePorts(new FakeVerifier(proof => (proof.factor === 'push' ? valid : invalid)), {
    policy: { attempts: 1 },
    throttle: { addressFreeTries: 1 },
  });
  const attempt = anAttempt({ vouched: true });
  await authenticate(attempt, new ScriptedConversation('111111'), ports, never);
  t.match(await authenticate(attempt, new ScriptedConversation('222222'), ports, never), { reason: 'throttled' });
  t.match(await authenticate(attempt, new SilentConversation(), ports, never), { kind: 'allow' });
});

t.test('guesses at the same time count at the same time', async t => {
  const ports = fakePorts(
    new FakeVerifier(async () => {
      await turns(5);
      return invalid;
    }),
    { policy: { attempts: 1 }, throttle: { accountFreeTries: 5 } },
  );
  const codes = Array.from({ length: 64 }, (_, i) => String(100_000 + i));
  const decisions = await Promise.all(
    codes.map(async code => await authenticate(anAttempt(), new ScriptedConversation(code), ports, never)),
  );
  t.equal(ports.verifier.asked.length, 5, 'of 64 the server hears five');
  t.equal(decisions.filter(({ kind }) => kind === 'deny').length, 64);
});

t.test('what was counted ahead is taken back where it was no wrong code', async t => {
  for (const outcome of [
    { kind: 'unavailable', cause: 'timeout', detail: '' },
    { kind: 'refused', reason: 'server-policy', detail: '' },
    { kind: 'not-enrolled' },
  ] as const) {
    const ports = fakePorts(new FakeVerifier(outcome), { policy: { attempts: 1 } });
    await authenticate(anAttempt({ vouched: true }), new ScriptedConversation('111111'), ports, never);
    t.equal(ports.memory.throttles.size, 0, outcome.kind);
  }
});

t.test('a refusal holds off pushes however the TRASA ID is spelt', async t => {
  const ports = fakePorts(new FakeVerifier({ kind: 'denied-by-person' }), { identity: nobodyIsKnown });
  const attempt = anAttempt({ account: 'mallory' });
  await authenticate(attempt, new ScriptedConversation('mallory@x.org', '', { wait: true }), ports, never);
  for (const typed of ['Mallory@x.org', 'mallory', 'victim@x.org']) {
    const conversation = new ScriptedConversation(typed, '', { cancel: true });
    await authenticate(attempt, conversation, ports, never);
    t.match(conversation.said.at(-2), /No push is sent for a while/, typed);
  }
  t.equal(ports.verifier.asked.length, 1);
});

t.test('nobody takes the push of another away by typing their TRASA ID', async t => {
  const ports = fakePorts(new FakeVerifier(proof => (proof.factor === 'push' ? new Promise(() => {}) : valid)), {
    identity: aliceIsKnown,
  });
  void authenticate(
    anAttempt({ account: 'mallory' }),
    new ScriptedConversation('alice@example.com', '', { wait: true }),
    ports,
    never,
  );
  await turns(5);
  t.equal(ports.verifier.asked.length, 1, "mallory's push waits");
  void authenticate(anAttempt(), new SilentConversation(), ports, never);
  await turns(5);
  t.equal(ports.verifier.asked.length, 2, "and alice's is sent all the same");
});

t.test('a forged key puts nobody under a cool-down but for the account that it was used for', async t => {
  const key = 'SHA256:abc';
  const identity = { people: new Map<string, string>(), keys: new Map([[key, 'alice@x.org']]), domain: 'x.org' };
  const ports = fakePorts(new FakeVerifier({ kind: 'denied-by-person' }), { identity });
  const push = async (account: string, keyFingerprint?: string) =>
    await authenticate(
      anAttempt({ account, ...(keyFingerprint === undefined ? {} : { keyFingerprint }) }),
      new SilentConversation(),
      ports,
      never,
    );
  t.match(await push('deploy', key), { reason: 'push-refused' });
  t.match(await push('deploy', key), { reason: 'push-cooling-down' });
  t.match(await push('alice'), { reason: 'push-refused' }, 'she is asked, under her own account');
});

t.test('pushes that come to nothing are held off, longer and longer, until one is approved', async t => {
  let outcome: Outcome = { kind: 'unanswered' };
  const ports = fakePorts(new FakeVerifier(() => outcome));
  const push = async (): Promise<string> => {
    const decision = await authenticate(anAttempt(), new SilentConversation(), ports, never);
    return decision.kind === 'deny' ? decision.reason : decision.kind;
  };
  for (let i = 0; i < 4; i++) t.equal(await push(), 'push-unanswered');
  t.equal(await push(), 'push-cooling-down');
  ports.clock.time += 30_001;
  outcome = valid;
  t.equal(await push(), 'allow');
  outcome = { kind: 'unanswered' };
  t.equal(await push(), 'push-unanswered', 'the approval wiped the slate');
});

t.test('pushes given up in a loop ring a few times, not a hundred', async t => {
  const ports: FakePorts = fakePorts(
    new FakeVerifier(async (_, signal) => {
      await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }));
      return { kind: 'unavailable', cause: 'timeout', detail: 'given up' };
    }),
  );
  for (let i = 0; i < 100; i++) {
    const abort = new AbortController();
    const pending = authenticate(anAttempt(), new SilentConversation(), ports, abort.signal);
    await turns(3);
    abort.abort('disconnected');
    await pending;
    await turns(3);
  }
  t.equal(ports.verifier.asked.length, 4);
});

t.test('a push that rang nobody is not counted', async t => {
  for (const outcome of [
    { kind: 'unavailable', cause: 'unreachable', detail: '' },
    { kind: 'not-enrolled' },
    { kind: 'refused', reason: 'unknown-person', detail: '' },
  ] as const) {
    const ports = fakePorts(new FakeVerifier(outcome));
    for (let i = 0; i < 10; i++) await authenticate(anAttempt(), new SilentConversation(), ports, never);
    t.equal(ports.verifier.asked.length, 10, outcome.kind);
  }
});

t.test('a code opens one door of the host, by whatever name its owner goes', async t => {
  const ports = fakePorts(new FakeVerifier(valid), { identity: nobodyIsKnown, policy: { attempts: 1 } });
  const enter = async (account: string, typed: string) =>
    await authenticate(anAttempt({ account }), new ScriptedConversation(typed, '123456'), ports, never);
  t.match(await enter('mallory', 'm@example.com'), { kind: 'allow' });
  t.match(await enter('alice', 'm'), { reason: 'replayed-code' });
});
