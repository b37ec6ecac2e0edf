import t from 'tap';
import { parseEnvelope } from '../../src/trasa/envelope.ts';
import { passwordOutcome } from '../../src/trasa/password.ts';

t.test('only the intent that asks for the second factor means that the password is right', async t => {
  for (const [answer, kind] of [
    [{ status: 'success', intent: 'AUTH_RESP_TFA_REQUIRED', data: ['token'] }, 'right'],
    [{ status: 'success', intent: 'AUTH_RESP_TFA_DH_REQUIRED', data: ['token'] }, 'unfinished'],
    [{ status: 'success', intent: 'AUTH_RESP_ENROL_DEVICE' }, 'unfinished'],
    [{ status: 'success', intent: 'AUTH_RESP_RESET_PASS' }, 'unfinished'],
    [{ status: 'success', intent: '' }, 'unavailable'],
    [{ status: 'success' }, 'unavailable'],
    [{ status: 'success', intent: 'auth_resp_tfa_required' }, 'unavailable'],
    [{ status: 'failed', intent: 'AUTH_RESP_TFA_REQUIRED', reason: 'invalid username or password' }, 'wrong'],
    [{ status: 'failed', reason: 'User not found' }, 'wrong'],
  ] as const) {
    const envelope = parseEnvelope(Buffer.from(JSON.stringify(answer)));
    if (typeof envelope === 'string') throw new Error(envelope);
    const outcome = passwordOutcome({ kind: 'answered', envelope, elapsedMs: 1, server: 'https://trasa.example.com' });
    t.equal(outcome.kind, kind, JSON.stringify(answer));
  }
});

t.test('no verdict is no verdict', async t => {
  const away = { kind: 'unavailable', cause: 'tls', detail: 'not trusted', server: '', elapsedMs: undefined } as const;
  t.match(passwordOutcome(away), { kind: 'unavailable', detail: 'tls: not trusted' });
});
