import t from 'tap';
import { failSafeCauses, type Outcome, type ServerFactor, type UnavailableCause } from '../../src/policy/decision.ts';
import { type Envelope, noCapabilities } from '../../src/trasa/envelope.ts';
import { outcomeOf, outcomeWithout, sentenceFor } from '../../src/trasa/reasons.ts';

const silent: Envelope = {
  status: 'failed',
  reason: '',
  intent: '',
  attempt: undefined,
  push: undefined,
  code: undefined,
  capabilities: noCapabilities,
  extra: {},
};
const failed = (reason: string, factor: ServerFactor = 'totp', elapsedMs = 10, more: Partial<Envelope> = {}): Outcome =>
  outcomeOf({ ...silent, reason, ...more }, factor, elapsedMs);
const succeeded = (reason: string): Outcome => outcomeOf({ ...silent, status: 'success', reason }, 'totp', 10);

const without = (cause: UnavailableCause, elapsedMs: number | undefined, factor: ServerFactor = 'push'): Outcome =>
  outcomeWithout({ kind: 'unavailable', cause, detail: 'x', server: 's', elapsedMs }, factor);

/** TRASA v1.1: consts/failedreasons.go, and the texts of its handlers. */
const codes =
  `REASON_MALFORMED_REQUEST_RECEIVED REASON_INVALID_SERVICE_HOSTNAME INVALID_SERVICE_CREDS INVALID_SERVICE_ID
  USER_DISABLED INVALID_USER_CREDS USER_NOT_FOUND ORG_NOT_FOUND INVALID_PUBLIC_KEY INVALID_CERTIFICATE
  IDENTITY_PROVIDER_NOT_FOUND INVALID_TOKEN SPOOFED_LOGIN INVALID_TOTP U2F_FAILED U2FY_FAILED TIME_POLICY_FAILED
  IP_POLICY_FAILED POLICY_EXPIRED ADHOC_POLICY_FAILED NO_POLICY_ASSIGNED INVALID_PRIVILEGE LDAP_AUTH_FAILED UNKNOWN
  TRASA_ERROR HOST_NOT_REACHABLE DYNAMIC_SERVICE_FAILED COUNTRY_POLICY_FAILED DEVICE_POLICY_FAILED DEVICE_NOT_FOUND
  PASSWORD_POLICY_FAILED INVALID_HOST_KEY FILE_TRANSFER_NOT_ALLOWED FAILED_TO_GENERATE_TOKEN`.split(/\s+/);
const texts = [
  'invalid request',
  'invalid service integration details',
  'invalid service ID',
  'invalid service secret or ID',
  'user not found',
  'User not found',
  'User Disabled',
  'INVALID_ORG_ID',
  'policy not assigned',
  'invalid username or password',
  'TOTP failed',
  'invalid token',
];

t.test('success without a reason is valid, and passthru needs no factor', async t => {
  t.same(succeeded(''), { kind: 'valid' });
  t.same(succeeded('passthru authentication'), { kind: 'not-required' });
});

t.test('success with any other reason is no answer to our question', async t => {
  for (const reason of ['valid integration data', 'Passthru authentication', 'INVALID_TOTP'])
    t.match(succeeded(reason), { kind: 'unavailable', cause: 'bad-answer' }, reason);
  const outcome = succeeded(`\u001b[2J${'x'.repeat(5_000)}`);
  t.match(outcome, { detail: /^success with the reason: \S?\[2Jx{100,120}…$/ }, 'its text is made fit for a log');
});

t.test('a failed verdict never lets anybody in, not even on a fail-safe host', async t => {
  for (const reason of [...codes, ...texts, '', 'anything else'])
    for (const factor of ['totp', 'push'] as const) {
      const outcome = failed(reason, factor);
      t.not(outcome.kind, 'valid', reason);
      t.not(outcome.kind, 'not-required', reason);
      if (outcome.kind === 'unavailable')
        t.notOk((failSafeCauses as readonly string[]).includes(outcome.cause), reason);
    }
});

t.test('each kind of trouble is told apart', async t => {
  t.same(failed('INVALID_TOTP'), { kind: 'invalid' });
  t.same(failed('DEVICE_NOT_FOUND'), { kind: 'not-enrolled' });
  t.same(failed('U2F_FAILED'), { kind: 'invalid' }, 'whatever the server checked, it was not proved');
  for (const reason of ['user not found', 'User not found', 'USER_NOT_FOUND'])
    t.same(failed(reason), { kind: 'refused', reason: 'unknown-person', detail: reason });
  for (const reason of ['User Disabled', 'USER_DISABLED'])
    t.same(failed(reason), { kind: 'refused', reason: 'person-disabled', detail: reason });
  for (const reason of [
    'invalid service integration details',
    'INVALID_SERVICE_CREDS',
    'INVALID_SERVICE_ID',
    'invalid service ID',
    'invalid service secret or ID',
  ])
    t.same(failed(reason), { kind: 'unavailable', cause: 'credentials', detail: reason });
  t.same(failed('invalid request'), { kind: 'unavailable', cause: 'refused', detail: 'invalid request' });
  for (const reason of [
    'policy not assigned',
    'IP_POLICY_FAILED',
    'INVALID_PRIVILEGE',
    'INVALID_ORG_ID',
    'TRASA_ERROR',
  ])
    t.match(failed(reason), { kind: 'refused', reason: 'server-policy', detail: reason, says: /\.$/ });
});

t.test('a person is told which policy refused, where the server said so', async t => {
  t.equal(sentenceFor('IP_POLICY_FAILED'), "The server's policy does not allow logins from your address.");
  t.match(failed('IP_POLICY_FAILED'), { says: sentenceFor('IP_POLICY_FAILED') });
  t.equal(sentenceFor('SPOOFED_LOGIN'), undefined);
  t.equal(sentenceFor('constructor'), undefined);
});

t.test('an unknown reason is a refusal, and its text is made fit for a terminal and a log', async t => {
  t.same(failed('over quota'), {
    kind: 'refused',
    reason: 'server-policy',
    detail: 'over quota',
    says: 'The TRASA server refuses: over quota',
  });
  t.same(failed(''), { kind: 'refused', reason: 'server-policy', detail: 'no reason given' });
  const outcome = failed(`\u001b[2Jboo\n${'x'.repeat(5_000)}`);
  t.equal(outcome.kind, 'refused');
  if (outcome.kind !== 'refused') return;
  for (const text of [outcome.detail, outcome.says ?? '']) {
    t.notMatch(text, /\p{Cc}/u);
    t.match(text, /\[2Jboo x+…$/);
    t.ok(text.length <= 150);
  }
});

t.test('a code that the server has seen before is told from a wrong one, where the server tells', async t => {
  t.same(failed('INVALID_TOTP', 'totp', 10, { code: 'replayed' }), { kind: 'replayed' });
  t.same(failed('INVALID_TOTP', 'totp', 10, { code: 'anything' }), { kind: 'invalid' });
});

t.test('a push that failed was refused or unanswered: the server says, or else time tells', async t => {
  t.same(failed('U2F_FAILED', 'push', 5_000), { kind: 'denied-by-person' });
  t.same(failed('U2F_FAILED', 'push', 54_999), { kind: 'denied-by-person' });
  t.same(failed('U2F_FAILED', 'push', 55_000), { kind: 'unanswered' });
  t.same(failed('U2F_FAILED', 'push', 59_000, { push: 'refused' }), { kind: 'denied-by-person' });
  t.same(failed('U2F_FAILED', 'push', 10, { push: 'expired' }), { kind: 'unanswered' });
  t.same(failed('U2F_FAILED', 'push', 10, { push: 'cancelled' }), { kind: 'unanswered' });
  t.same(failed('U2F_FAILED', 'push', 10, { push: 'nonsense' }), { kind: 'denied-by-person' });
  t.match(failed('INVALID_TOTP', 'push'), { kind: 'refused', reason: 'server-policy' });
});

t.test('a push that ended without a verdict after a while was unanswered: waiting opens no fail-safe door', async t => {
  for (const cause of failSafeCauses) t.same(without(cause, 5_000), { kind: 'unanswered' }, cause);
  t.same(without('timeout', 1), { kind: 'unanswered' }, 'our own deadline');
  for (const cause of ['unreachable', 'server-error', 'bad-answer'] as const) {
    t.same(without(cause, 4_999), { kind: 'unavailable', cause, detail: 'x' }, 'at once it is trouble');
    t.same(without(cause, 60_000, 'totp'), { kind: 'unavailable', cause, detail: 'x' }, 'nobody waits for a code');
  }
  t.same(without('timeout', undefined), { kind: 'unavailable', cause: 'timeout', detail: 'x' }, 'nothing was sent');
  t.match(without('refused', 60_000), { kind: 'unavailable' });
});
