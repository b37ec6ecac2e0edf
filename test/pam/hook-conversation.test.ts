/** pam_exec's one answer, against the dialogue as auth/ really leads it. */
import t from 'tap';
import { authenticate } from '../../src/auth/authenticate.ts';
import { Secret } from '../../src/otp/secret.ts';
import { HookConversation } from '../../src/pam/conversation.ts';
import type { Decision, Outcome } from '../../src/policy/decision.ts';
import type { LoginPolicy } from '../../src/policy/policy.ts';
import { anAttempt, FakeVerifier, fakePorts } from '../helpers/fake-ports.ts';

interface Story {
  readonly code?: string;
  readonly outcome?: Outcome;
  readonly policy?: Partial<LoginPolicy>;
  readonly firstFactorProved?: boolean;
  readonly personKnown?: boolean;
  readonly numbers?: boolean;
  readonly inWordsOfTrasa?: boolean;
}

async function played(story: Story) {
  const told: string[] = [];
  const code = story.code === undefined ? undefined : new Secret(story.code);
  const conversation = new HookConversation(true, code, text => void told.push(text));
  const verifier = new FakeVerifier(async proof => {
    // A push takes a while; a code typed meanwhile is heard first.
    if (proof.factor === 'push') await new Promise(resolve => setImmediate(resolve));
    return story.outcome ?? { kind: 'valid' };
  }, story.numbers);
  const identity = { people: new Map(), keys: new Map(), domain: '' };
  const ports = fakePorts(verifier, {
    ...(story.policy !== undefined && { policy: story.policy }),
    ...(story.personKnown === false && { identity }),
  });
  const decision: Decision = await authenticate(
    anAttempt({
      door: 'pam-exec',
      firstFactorProved: story.firstFactorProved ?? true,
      ...(story.inWordsOfTrasa === true && { inWordsOfTrasa: true }),
    }),
    conversation,
    ports,
    new AbortController().signal,
  );
  return { decision, told, asked: verifier.asked };
}

t.test('a code answers the question for a code', async t => {
  const { decision, asked } = await played({ code: '123456' });
  t.strictSame(decision, { kind: 'allow', factor: 'totp' });
  t.match(asked, [{ factor: 'totp', code: '123456' }]);
});

t.test('a code needs no first factor before it, and the words of the original change nothing', async t => {
  t.match(await played({ code: '123456', firstFactorProved: false }), { decision: { kind: 'allow' } });
  t.match(await played({ code: '123456', inWordsOfTrasa: true }), { decision: { kind: 'allow', factor: 'totp' } });
  t.match(await played({ inWordsOfTrasa: true }), { decision: { kind: 'allow', factor: 'push' } });
});

t.test('no code asks for a push, and tells to look at the device', async t => {
  const { decision, told, asked } = await played({ numbers: true });
  t.strictSame(decision, { kind: 'allow', factor: 'push' });
  t.strictSame(told, ['Push sent. Approve it on your device, where it shows the number 99.']);
  t.equal(asked.length, 1);
});

t.test('a wrong code is one try, and the reason of the denial', async t => {
  const { decision, asked } = await played({ code: '123456', outcome: { kind: 'invalid' } });
  t.match(decision, { kind: 'deny', reason: 'wrong-code' });
  t.equal(asked.length, 1);
});

t.test('no push before a first factor', async t => {
  const { decision, asked } = await played({ firstFactorProved: false });
  t.match(decision, { kind: 'deny', reason: 'not-a-code', says: /Wrong code/ });
  t.strictSame(asked, []);
});

t.test('with autopush a code that was typed is used all the same', async t => {
  const { decision } = await played({ code: '123456', policy: { autopush: true } });
  t.strictSame(decision, { kind: 'allow', factor: 'totp' });
  t.match(await played({ policy: { autopush: true } }), { decision: { kind: 'allow', factor: 'push' } });
});

t.test('a code is not given away as a TRASA ID', async t => {
  const { decision, asked } = await played({ code: '123456', personKnown: false });
  t.match(decision, { kind: 'deny', reason: 'no-conversation' });
  t.strictSame(asked, []);
});

t.test('a push that was not answered is not sent a second time', async t => {
  const { decision, asked } = await played({ outcome: { kind: 'unanswered' } });
  t.match(decision, { kind: 'deny', reason: 'push-unanswered' });
  t.equal(asked.length, 1);
});
