import t from 'tap';
import { type Envelope, noCapabilities, parseEnvelope } from '../../src/trasa/envelope.ts';

const parse = (value: unknown) => parseEnvelope(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
const plain: Envelope = {
  status: 'success',
  reason: '',
  intent: '',
  attempt: undefined,
  push: undefined,
  code: undefined,
  capabilities: noCapabilities,
  extra: {},
};

t.test('the envelopes of TRASA v1.1 are read', async t => {
  t.same(parse('{"status":"success","intent":"agent-login","data":[null]}'), { ...plain, intent: 'agent-login' });
  t.same(parse({ status: 'failed', reason: 'INVALID_TOTP', data: null }), {
    ...plain,
    status: 'failed',
    reason: 'INVALID_TOTP',
  });
  for (const data of [undefined, [], ['text'], [[1]], 'text', 7]) t.same(parse({ status: 'success', data }), plain);
});

t.test('only the exact words are a status', async t => {
  for (const status of [undefined, null, true, 1, 'Success', 'SUCCESS', 'success ', ['success'], { success: 1 }, 'ok'])
    t.equal(parse({ status, reason: '' }), 'a status that is neither success nor failed', JSON.stringify(status));
  t.type(parse('{"__proto__":{"status":"success"}}'), 'string', 'nothing is inherited');
});

t.test('what is not an envelope says what it is instead', async t => {
  t.equal(parse(''), 'an empty body');
  t.equal(parse(' \n<!doctype html><title>Sign in</title>'), 'HTML');
  t.equal(parse('{"status":"success"'), 'no JSON');
  t.equal(parse('{"status":"failed","status":"success"}'), 'no JSON');
  for (const value of ['"success"', 'null', 'true', '[{"status":"success"}]'])
    t.equal(parse(value), 'JSON that is no object');
  t.equal(parse({ status: 'success', reason: ['x'] }), 'a reason that is no string');
  t.equal(parse({ status: 'success', intent: 7 }), 'an intent that is no string');
  t.equal(parse({ status: 'success', data: [{ attempt: 7 }] }), 'an attempt that is no string');
});

t.test('additive members are read where they are, and are what they should be', async t => {
  const capable = (capabilities: unknown) => parse({ status: 'success', data: [{ capabilities }] });
  t.match(parse({ status: 'failed', data: [{ push: 'refused', attempt: 'A1' }] }), { push: 'refused', attempt: 'A1' });
  t.match(parse({ status: 'failed', data: [{ code: 'replayed' }] }), { code: 'replayed', push: undefined });
  t.match(parse({ status: 'failed', data: [{ push: 1, code: [] }] }), { push: undefined, code: undefined });
  const some = { pushNumber: true, attemptEcho: 1 };
  t.same(capable(some), {
    ...plain,
    capabilities: { ...noCapabilities, pushNumber: true },
    extra: { capabilities: some },
  });
  for (const capabilities of [null, [], 'pushNumber', true])
    t.same(capable(capabilities), { ...plain, extra: { capabilities } });
});
