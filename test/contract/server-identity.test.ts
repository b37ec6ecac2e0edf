import { readdirSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import t from 'tap';
import { Secret } from '../../src/otp/secret.ts';
import { isObject } from '../../src/server/json.ts';
import { hashPassword } from '../../src/server/password.ts';
import { addAlice, codeAt, testServer } from '../server/test-server.ts';

const intent = 'AUTH_REQ_DASH_LOGIN';
const login = { email: 'alice@example.com', password: 'correct horse', intent };
const no = (reason: string) => ({ status: 'failed', reason, intent: 'Dashboard Login', data: null });
const refused = (reason: string) => ({ status: 'failed', reason, intent: 'Dashboard Login', data: [null] });

function tokenOf(json: unknown): string {
  const data: unknown = isObject(json) ? json['data'] : undefined;
  return Array.isArray(data) ? String(data[0]) : '';
}

t.test('the right password earns a token for the second factor', async t => {
  const { state, post } = await testServer(t);
  await addAlice(state);
  for (const email of ['alice@example.com', 'ALICE']) {
    const { json, status } = await post('/auth/identity', { ...login, email, orgId: '', idpName: 'trasa' });
    t.equal(status, 200);
    t.match(json, {
      status: 'success',
      reason: 'second step verification required',
      intent: 'AUTH_RESP_TFA_REQUIRED',
      data: [/^[0-9a-f]{64}$/],
    });
  }
});

t.test('a wrong password, a person without one, and nobody at all are answered alike', async t => {
  const { state, post } = await testServer(t);
  await addAlice(state);
  state.people.add('nopass@example.com', undefined, undefined, 0);
  const wrong = no('invalid username or password');
  t.same((await post('/auth/identity', { ...login, password: 'battery staple' })).json, wrong);
  t.same((await post('/auth/identity', { ...login, email: 'nopass@example.com' })).json, wrong);
  t.same((await post('/auth/identity', { ...login, email: 'nobody@example.com' })).json, wrong);
  t.same((await post('/auth/identity', { ...login, password: 'x'.repeat(1025) })).json, wrong);
  t.same((await post('/auth/identity', '[]')).json, { status: 'failed', reason: 'invalid request', data: null });
});

t.test('nobody takes as long as somebody', async t => {
  const { state, post } = await testServer(t);
  state.people.add('alice@example.com', undefined, await hashPassword(new Secret('correct horse')), 0);
  const timeOf = async (email: string) => {
    const start = performance.now();
    await post('/auth/identity', { ...login, email, password: 'wrong one' });
    return performance.now() - start;
  };
  await timeOf('warm@example.com');
  // Whatever else the machine does can only make it longer.
  let [somebody, nobody] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let i = 0; i < 2; i++) {
    somebody = Math.min(somebody, await timeOf('alice@example.com'));
    nobody = Math.min(nobody, await timeOf('nobody@example.com'));
  }
  t.ok(nobody > somebody / 3, `${nobody} ms to ${somebody} ms`);
});

t.test('that somebody is disabled is said to the right password only', async t => {
  const { state, post } = await testServer(t);
  const { person } = await addAlice(state);
  state.people.setEnabled(person.id, false);
  t.same((await post('/auth/identity', login)).json, no('User Disabled'));
  t.same((await post('/auth/identity', { ...login, password: 'x' })).json, no('invalid username or password'));
});

t.test('who has no second factor is told to enrol, and gets no token', async t => {
  const { state, post } = await testServer(t);
  await addAlice(state, { enrolled: false });
  t.same((await post('/auth/identity', login)).json, {
    status: 'success',
    reason: 'enrol device',
    intent: 'AUTH_RESP_ENROL_DEVICE',
    data: [null],
  });
});

t.test('TRASA’s shipped password earns no token', async t => {
  const { state, post } = await testServer(t);
  await addAlice(state, { password: 'changeme' });
  t.same((await post('/auth/identity', { ...login, password: 'changeme' })).json, {
    status: 'success',
    reason: 'change default password',
    intent: 'AUTH_RESP_RESET_PASS',
    data: [null],
  });
});

t.test(
  'after five wrong passwords not even the right one is looked at, known or unknown, also in parallel',
  async t => {
    const { state, post, time } = await testServer(t);
    await addAlice(state);
    const held = no('too many wrong passwords, try again later');
    for (const email of ['alice@example.com', 'nobody@example.com']) {
      const guesses = Array.from({ length: 8 }, () => post('/auth/identity', { ...login, email, password: 'wrong' }));
      const reasons = (await Promise.all(guesses)).map(({ json }) => isObject(json) && json['reason']);
      t.equal(reasons.filter(reason => reason === 'invalid username or password').length, 5, email);
      t.same((await post('/auth/identity', { ...login, email })).json, held, email);
    }
    time.advance(900_000);
    t.match((await post('/auth/identity', login)).json, { status: 'success' });
  },
);

t.test('what was typed as a name is neither logged nor kept if it is nobody’s', async t => {
  const { state, post, log } = await testServer(t);
  await post('/auth/identity', { ...login, email: 'my-secret-password' });
  t.notOk(log.join().includes('my-secret-password'));
  t.notOk(log.join().includes('correct horse'));
  const files = readdirSync(state.directory).map(name => readFileSync(`${state.directory}/${name}`, 'latin1'));
  t.notOk(files.join().includes('my-secret-password'));
});

t.test('/auth/tfa', async t => {
  const { state, post, time } = await testServer(t);
  const { person } = await addAlice(state);
  const token = async (more: object = {}) => tokenOf((await post('/auth/identity', { ...login, ...more })).json);
  const tfa = async (body: unknown) => await post('/auth/tfa', body);
  const code = () => {
    time.advance(30_000);
    return { tfaMethod: 'totp', intent, totpCode: codeAt(time.now()) };
  };

  await t.test('a code completes the login: a session, once per token', async t => {
    const body = { token: await token(), ...code() };
    const reply = await tfa(body);
    t.match(reply.json, { status: 'success', intent: 'DashboardLogin', data: [{ CSRFToken: /^[\w-]{43}$/ }] });
    t.match(reply.json, { data: [{ user: { ID: person.id, email: 'alice@example.com', userName: 'alice' } }] });
    t.match(
      String(reply.headers['set-cookie']),
      /^X-SESSION=[0-9a-f]{64}; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    );
    t.same((await tfa({ ...body, ...code() })).json, refused('invalid token'));
  });

  await t.test('another intent gets no session', async t => {
    const other = 'AUTH_HTTP_ACCESS_PROXY';
    const reply = await tfa({ token: await token({ intent: other }), ...code(), intent: other });
    t.same(reply.json, { status: 'success', intent: other, data: [null] });
    t.equal(reply.headers['set-cookie'], undefined);
  });

  await t.test('it is refused for', async t => {
    t.same((await tfa('nonsense')).json, { status: 'failed', reason: 'invalid request', data: null });
    t.same((await tfa({ token: await token(), ...code(), intent: 'X' })).json, {
      status: 'failed',
      reason: 'unsupported login',
      intent: 'TfaHandler',
      data: [null],
    });
    t.same((await tfa({ token: 'x', ...code() })).json, refused('invalid token'), 'an unknown token');
    const spoofed = { token: await token({ intent: 'AUTH_REQ_TFA_DH' }), ...code() };
    t.same((await tfa(spoofed)).json, refused('Spoofed login'), 'another intent than with the password');
    const known = await token();
    t.same((await tfa({ token: known, ...code(), totpCode: '000000' })).json, refused('TOTP failed'), 'a wrong code');
    t.same((await tfa({ token: known, ...code(), totpCode: '' })).json, refused('TOTP failed'), 'an empty code');
    t.same((await tfa({ token: known, ...code(), tfaMethod: 'u2fy' })).json, refused('U2FY_FAILED'));
    t.same((await tfa({ token: known, ...code(), tfaMethod: 'u2f' })).json, refused('DEVICE_NOT_FOUND'));
    state.people.setEnabled(person.id, false);
    t.same((await tfa({ token: known, ...code() })).json, refused('unable to verify user'), 'a person disabled since');
    state.people.setEnabled(person.id, true);
    t.same((await tfa({ token: known, ...code() })).json, refused('invalid token'), 'a token used up by tries');
    const old = await token();
    time.advance(400_000);
    t.same((await tfa({ token: old, ...code() })).json, refused('invalid token'), 'a token of 400 s ago');
  });
});
