import t from 'tap';
import { conclude } from '../../src/pam/conclude.ts';
import type { DecisionMessage } from '../../src/protocol/messages.ts';

const id = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const allowed: DecisionMessage = {
  kind: 'decision',
  verdict: 'allow',
  reason: 'totp',
  id,
  text: '',
  exit: 0,
  pam: 'PAM_SUCCESS',
  motd: false,
  record: false,
  sftp: '',
};
const denied: DecisionMessage = {
  ...allowed,
  verdict: 'deny',
  reason: 'wrong-code',
  text: `Wrong code. [${id}]`,
  exit: 77,
  pam: 'PAM_MAXTRIES',
};
const decided = (decision: DecisionMessage) => ({ kind: 'decided', decision }) as const;

t.test('allow and bypass end with 0', async t => {
  t.strictSame(conclude(decided(allowed), false), { status: 0, text: '' });
  const warned: DecisionMessage = { ...allowed, verdict: 'bypass', reason: 'fail-safe', text: 'WARNING: …' };
  t.strictSame(conclude(decided(warned), false), { status: 0, text: 'WARNING: …' });
});

t.test('an approval for which nobody waits any more is not used', async t => {
  t.equal(conclude(decided(allowed), true).status, 130);
});

t.test('a denial says why and ends with its status', async t => {
  t.strictSame(conclude(decided(denied), false), { status: 77, text: `Wrong code. [${id}]` });
  t.match(conclude(decided({ ...denied, text: '' }), false), { status: 77, text: /administrator/ });
});

t.test('a daemon that does not answer lets nobody in', async t => {
  t.match(conclude({ kind: 'unavailable', detail: 'ENOENT' }, false), { status: 69, text: /\(ENOENT\)/ });
});

t.test('a denial never ends with the status of a success, nor does a verdict that is none', async t => {
  for (const exit of [0, -1, 256, 1.5, Number.NaN]) t.equal(conclude(decided({ ...denied, exit }), false).status, 77);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the types forbid is what is tried here
  for (const verdict of ['Allow', '', 'true', '__proto__'])
    t.equal(conclude(decided({ ...allowed, verdict: verdict as 'allow' }), false).status, 77);
});
