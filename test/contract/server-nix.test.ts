import t from 'tap';
import { addAlice, codeAt, grant, monday, testServer, totp } from '../server/test-server.ts';

const failed = (reason: string, intent = 'agent-login') => ({ status: 'failed', reason, intent, data: [null] });
const passed = { status: 'success', intent: 'agent-login', data: [null] };
const passthru = { status: 'success', reason: 'passthru authentication', intent: 'agent-login', data: [null] };

for (const path of ['/auth/agent/nix', '/api/v1/remote/auth/nix']) {
  t.test(`${path} names the first thing that is wrong, in TRASA's order`, async t => {
    const { state, post, time } = await testServer(t);
    const { request, person, serviceID } = await addAlice(state, { enrolled: false });
    state.access.revoke({ kind: 'person', id: person.id }, serviceID, 'alice');
    state.people.setEnabled(person.id, false);
    const wrong = { ...request, serviceKey: 'x', trasaID: 'nobody@example.com', totpCode: '000000' };

    const ask = async (body: unknown) => (await post(path, body)).json;
    t.same(await ask('{"serviceID"'), failed('invalid request', 'AgentLogin'));
    t.same(await ask({ ...wrong, publicKey: 'not base64!' }), failed('invalid request', 'AgentLogin'));
    t.same(await ask(wrong), failed('invalid service integration details', 'AgentLogin'));
    t.same(await ask({ ...wrong, serviceID: 'nope' }), failed('invalid service integration details', 'AgentLogin'));

    const known = { ...request, totpCode: '000000' };
    t.same(await ask({ ...known, trasaID: 'nobody@example.com' }), failed('user not found', 'AgentLogin'));
    t.same(await ask(known), failed('User Disabled', 'AgentLogin'));
    state.people.setEnabled(person.id, true);
    t.same(await ask(known), failed('policy not assigned'));

    const allWrong = { lastDay: '2026-11-22', networks: ['10.0.0.0/8'], hours: 'Sat' };
    grant(state, person.id, serviceID, allWrong);
    t.same(await ask(known), failed('POLICY_EXPIRED'));
    grant(state, person.id, serviceID, { ...allWrong, lastDay: '2026-11-23' });
    t.same(await ask(known), failed('IP_POLICY_FAILED'));
    grant(state, person.id, serviceID, { hours: 'Sat' });
    t.same(await ask(known), failed('TIME_POLICY_FAILED'));

    grant(state, person.id, serviceID);
    t.same(await ask(known), failed('DEVICE_NOT_FOUND'));
    t.same(await ask({ ...known, totpCode: '' }), failed('DEVICE_NOT_FOUND'), 'nor is there a device for a push');
    state.credentials.add(person.id, totp, undefined, 0);
    t.same(await ask(known), failed('INVALID_TOTP'));
    t.same(await ask({ ...known, totpCode: codeAt(time.now()) }), passed);
  });
}

t.test('every answer is HTTP 200, JSON, and not to be stored', async t => {
  const { state, post } = await testServer(t);
  const { request } = await addAlice(state);
  for (const body of ['', '[]', request, { ...request, totpCode: codeAt(monday) }]) {
    const reply = await post('/auth/agent/nix', body);
    t.equal(reply.status, 200);
    t.equal(reply.headers['cache-control'], 'no-store');
    t.match(reply.headers['content-type'], /^application\/json/);
  }
});

t.test('tfaMethod is ignored: an empty code is a push, any other is a code', async t => {
  const { state, post } = await testServer(t);
  const { request } = await addAlice(state);
  const code = codeAt(monday);
  t.same((await post('/auth/agent/nix', { ...request, tfaMethod: 'totp' })).json, failed('DEVICE_NOT_FOUND'));
  t.same((await post('/auth/agent/nix', { ...request, tfaMethod: 'U2F', totpCode: code })).json, passed);
});

t.test('a code works once', async t => {
  const { state, post, time } = await testServer(t);
  const { request } = await addAlice(state);
  const ask = async (totpCode: string) => (await post('/auth/agent/nix', { ...request, totpCode })).json;
  const code = codeAt(time.now());

  t.same(await ask(code), passed);
  t.same(await ask(code), failed('INVALID_TOTP'), 'the same code is refused the second time');
  t.same(await ask(codeAt(monday - 30_000)), failed('INVALID_TOTP'), 'and so is an older one, not used yet');
  t.same(await ask(codeAt(monday + 30_000)), passed, 'but not a newer one');

  time.advance(60_000);
  const parallel = await Promise.all(Array.from({ length: 20 }, () => ask(codeAt(monday + 60_000))));
  t.equal(parallel.filter(json => JSON.stringify(json) === JSON.stringify(passed)).length, 1, 'also in parallel');
});

t.test('a code is valid one step before and after its own, and no longer', async t => {
  const { state, post } = await testServer(t);
  const { request } = await addAlice(state);
  for (const [offset, expected] of [
    [-60_000, failed('INVALID_TOTP')],
    [60_000, failed('INVALID_TOTP')],
    [-30_000, passed],
    [30_000, passed],
  ] as const)
    t.same(
      (await post('/auth/agent/nix', { ...request, totpCode: codeAt(monday + offset) })).json,
      expected,
      `${offset}`,
    );
});

t.test('after five wrong codes not even the right one is looked at, until the hold is over', async t => {
  const { state, post, time } = await testServer(t);
  const { request } = await addAlice(state);
  const ask = async (totpCode: string) => (await post('/auth/agent/nix', { ...request, totpCode })).json;
  for (let guess = 0; guess < 5; guess += 1) t.same(await ask('000000'), failed('INVALID_TOTP'));
  t.same(await ask(codeAt(time.now())), failed('too many wrong codes, try again later'));
  time.advance(15_000);
  t.same(await ask(codeAt(time.now())), passed);
  t.same(await ask('000000'), failed('INVALID_TOTP'), 'and the count begins anew');
});

t.test('a passthru service lets in accounts that are mapped to nobody, even without a person', async t => {
  const { state, post } = await testServer(t);
  const { person } = await addAlice(state);
  const added = state.services.add('lab', '', true, 0);
  if (added === undefined) throw new Error('taken');
  const request = { serviceID: added.service.id, serviceKey: added.key.expose(), user: 'alice', trasaID: 'nobody' };
  const ask = async (more: object = {}) => (await post('/auth/agent/nix', { ...request, ...more })).json;

  t.same(await ask(), passthru);
  t.same(
    await ask({ serviceKey: 'x' }),
    failed('invalid service integration details', 'AgentLogin'),
    'but not strangers',
  );
  grant(state, person.id, added.service.id);
  t.same(await ask(), failed('user not found', 'AgentLogin'), 'a mapped account needs its person');
  t.same(await ask({ user: 'bob' }), passthru, 'another account still does not');
});

t.test('a grant without second factor answers like passthru, after all other checks', async t => {
  const { state, post } = await testServer(t);
  const { request, person, serviceID } = await addAlice(state, { enrolled: false });
  grant(state, person.id, serviceID, { tfaRequired: false });
  t.same((await post('/auth/agent/nix', request)).json, passthru);
  state.people.setEnabled(person.id, false);
  t.same((await post('/auth/agent/nix', request)).json, failed('User Disabled', 'AgentLogin'));
});

t.test('names are compared as TRASA does', async t => {
  const { state, post, time } = await testServer(t);
  const { request } = await addAlice(state);
  for (const names of [
    { user: 'ALICE' },
    { user: '\\alice' },
    { trasaID: 'alice' },
    { trasaID: 'Alice@Example.COM' },
  ]) {
    const reply = await post('/auth/agent/nix', { ...request, ...names, totpCode: codeAt(time.now()) });
    t.same(reply.json, passed, JSON.stringify(names));
    time.advance(30_000);
  }
});

t.test('the original agent’s request is understood, whatever else it carries', async t => {
  const { state, post } = await testServer(t);
  const { request } = await addAlice(state);
  const original = {
    ...request,
    totpCode: codeAt(monday),
    tfaMethod: 'totp',
    password: '',
    publicKey: null,
    workstation: '',
    sessionID: '',
    serviceType: 'ssh',
    orgID: 'some-organisation',
    hostname: 'web1',
    neverHeardOf: { nested: [1] },
  };
  t.same((await post('/auth/agent/nix', original)).json, passed);
});

t.test('an attempt is repeated, with what TRASA’s reason does not say', async t => {
  const { state, post } = await testServer(t);
  const { request } = await addAlice(state);
  const attempt = '01JDCQ9V7V0000000000000000';
  const ask = async (more: object) => (await post('/auth/agent/nix', { ...request, attempt, ...more })).json;
  t.same(await ask({ totpCode: codeAt(monday) }), { ...passed, data: [{ attempt }] });
  t.same(await ask({ totpCode: codeAt(monday) }), { ...failed('INVALID_TOTP'), data: [{ attempt, code: 'replayed' }] });
  t.same(await ask({ totpCode: '000000' }), { ...failed('INVALID_TOTP'), data: [{ attempt }] });
  t.same(await ask({ user: 'bob' }), { ...failed('policy not assigned'), data: [{ attempt }] });
  t.same(await ask({ attempt: 'x'.repeat(65) }), failed('invalid request', 'AgentLogin'), 'if it is a bounded word');
  t.same(await ask({ attempt: 'a\u001b[2J' }), failed('invalid request', 'AgentLogin'));
});

t.test('every verdict is one line in the log, without secrets', async t => {
  const { state, post, log } = await testServer(t);
  const { request, serviceKey } = await addAlice(state);
  const code = codeAt(monday);
  await post('/auth/agent/nix', { ...request, totpCode: code, attempt: 'A1' });
  await post('/auth/agent/nix', { ...request, totpCode: code, user: 'bob\u001b[31m', password: 'hunter2' });
  t.equal(log.length, 2);
  t.match(JSON.parse(log[0] ?? ''), {
    event: 'verdict',
    time: '2026-11-23T12:00:00.000Z',
    endpoint: '/auth/agent/nix',
    status: 'success',
    service: 'web1',
    account: 'alice',
    person: 'alice@example.com',
    client: '192.0.2.7',
    peer: '127.0.0.1',
    factor: 'totp',
    attempt: 'A1',
  });
  t.match(JSON.parse(log[1] ?? ''), { status: 'failed', reason: 'policy not assigned', account: 'bob?[31m' });
  for (const word of [serviceKey, code, 'hunter2']) t.notOk(log.join('\n').includes(word));
});

t.test('a changed key, person or grant counts from the next request on', async t => {
  const { state, post, time } = await testServer(t);
  const { request, serviceID } = await addAlice(state);
  const key = state.services.rotateKey(serviceID).expose();
  const ask = async (more: object) => {
    time.advance(30_000);
    return (await post('/auth/agent/nix', { ...request, totpCode: codeAt(time.now()), ...more })).json;
  };
  t.same(await ask({}), failed('invalid service integration details', 'AgentLogin'), 'the old key');
  t.same(await ask({ serviceKey: key }), passed, 'the new key');
});
