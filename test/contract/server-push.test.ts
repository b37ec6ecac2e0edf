import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import t from 'tap';
import { isObject } from '../../src/server/json.ts';
import { pollText } from '../../src/server/push/poll-proof.ts';
import { signText } from '../../src/server/push/signature.ts';
import { addAlice, grant, type Reply, type TestServer, testServer, until } from '../server/test-server.ts';

const path = '/auth/agent/nix';
const refused = { status: 'failed', reason: 'U2F_FAILED', intent: 'agent-login', data: [null] };
const passed = { status: 'success', intent: 'agent-login', data: [null] };
const taken = { status: 'success', data: [null] };

interface Device {
  readonly id: string;
  readonly key: KeyObject;
}

function addDevice({ state }: TestServer, person: string): Device {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = publicKey.export({ type: 'pkcs1', format: 'pem' });
  return { id: state.devices.add(person, 'phone', pem, 0).id, key: privateKey };
}

async function poll({ post, time }: TestServer, { id, key }: Device, known = '', more: object = {}): Promise<Reply> {
  const claim = { device: id, timestamp: String(time.now()), nonce: randomBytes(16).toString('hex') };
  const { device, ...rest } = { ...claim, signature: signText(pollText(claim), key) };
  return await post('/api/v1/remote/pushes', { deviceId: device, ...rest, known, ...more });
}

/** The pushes of a poll's answer. */
function pushesOf({ json }: Reply): Record<string, unknown>[] {
  const data: unknown = isObject(json) && Array.isArray(json['data']) ? json['data'][0] : undefined;
  const pushes: unknown = isObject(data) ? data['pushes'] : undefined;
  return Array.isArray(pushes) ? pushes.filter(isObject) : [];
}

async function challengeFor(server: TestServer, device: Device): Promise<string> {
  return String(pushesOf(await poll(server, device))[0]?.['challenge']);
}

async function answer(server: TestServer, device: Device, challenge: string, more: object = {}): Promise<unknown> {
  const signature = signText(challenge, device.key);
  const body = { answer: 'YES', challenge, deviceId: device.id, signature, deviceInfo: '{}', ...more };
  return (await server.post('/api/v1/remote/auth/u2f', body)).json;
}

async function scene(t: Parameters<typeof testServer>[0], options: Parameters<typeof testServer>[1] = {}) {
  const server = await testServer(t, options);
  const alice = await addAlice(server.state, { enrolled: false });
  const device = addDevice(server, alice.person.id);
  const ask = async (more: object = {}, signal?: AbortSignal) =>
    (await server.post(path, { ...alice.request, totpCode: '', ...more }, signal)).json;
  return { server, alice, device, ask };
}

t.test('a push is held until its device says yes, and lets in', async t => {
  const { server, device, ask } = await scene(t);
  const login = ask();
  const challenge = await challengeFor(server, device);
  t.match(challenge, /^[0-9a-f]{64}$/);
  t.same(await answer(server, device, challenge), taken);
  t.same(await login, passed);
  t.equal(server.time.waiting, 0, 'and no timer is left');
});

t.test('a push that is refused does not let in', async t => {
  const { server, device, ask } = await scene(t);
  const login = ask();
  t.same(await answer(server, device, await challengeFor(server, device), { answer: 'NO' }), taken);
  t.same(await login, refused);
});

t.test('a push that nobody answers expires after 60 s, and not before', async t => {
  const { server, device, ask } = await scene(t);
  const login = ask({ attempt: 'A1' });
  const challenge = await challengeFor(server, device);
  server.time.advance(59_999);
  t.equal(pushesOf(await poll(server, device)).length, 1);
  server.time.advance(1);
  t.same(await login, { ...refused, data: [{ attempt: 'A1', push: 'expired' }] });
  t.same(await answer(server, device, challenge), { status: 'failed', reason: 'invalid request', data: [null] });
});

t.test('the device sees who wants to enter what, from where, to do what', async t => {
  const { server, device, ask } = await scene(t);
  const facts = {
    attempt: 'A1',
    pushNumber: '42',
    command: 'rm -rf /\u001b[2J',
    keyFingerprint: 'SHA256:abc',
    door: 'login',
    tty: 'pts/3',
  };
  const login = ask(facts);
  const reply = await poll(server, device);
  const [push] = pushesOf(reply);
  t.match(push, { ...facts, command: 'rm -rf /?[2J' });
  t.match(push, { user: 'alice', serviceName: 'web1', hostname: 'web1.example.com', userIP: '192.0.2.7' });
  t.equal(push?.['time'], '2026-11-23T12:00:00.000Z');
  await answer(server, device, String(push?.['challenge']), { answer: 'NO' });
  t.same(await login, { ...refused, data: [{ attempt: 'A1', push: 'refused' }] });
});

t.test('a push vanishes from the device when the host closes its request', async t => {
  const { server, device, ask } = await scene(t);
  const gone = new AbortController();
  const login = ask({}, gone.signal).catch(() => 'closed');
  const challenge = await challengeFor(server, device);
  const change = poll(server, device, challenge);
  gone.abort();
  t.equal(await login, 'closed');
  t.same(pushesOf(await change), []);
  t.same(await answer(server, device, challenge), { status: 'failed', reason: 'invalid request', data: [null] });
  await until(() => server.log.some(line => line.includes('push-cancelled')));
});

t.test('a person has one live push; a second login is told so', async t => {
  const { server, device, ask } = await scene(t);
  const first = ask();
  const challenge = await challengeFor(server, device);
  t.match(await ask(), { status: 'failed', reason: 'another push of this person waits for its answer' });
  await answer(server, device, challenge);
  t.same(await first, passed);
  const next = ask();
  await answer(server, device, await challengeFor(server, device));
  t.same(await next, passed, 'and may try again afterwards');
});

t.test('only so many pushes wait at once', async t => {
  const { server, device, ask } = await scene(t, { push: { holdMs: 60_000, maxHeld: 1 } });
  const bob = server.state.people.add('bob@example.com', undefined, undefined, 0);
  const service = server.state.services.find('web1');
  if (bob === undefined || service === undefined) throw new Error('no bob');
  addDevice(server, bob.id);
  const grant = server.state.access.all()[0];
  if (grant !== undefined) server.state.access.grant({ ...grant, holder: { kind: 'person', id: bob.id } });
  const first = ask();
  const challenge = await challengeFor(server, device);
  const second = await ask({ trasaID: 'bob@example.com' });
  t.match(second, { status: 'failed', reason: 'too many pushes wait for an answer, try again later' });
  await answer(server, device, challenge);
  t.same(await first, passed);
});

t.test('an answer that is not the person’s own is refused, and the push goes on waiting', async t => {
  const { server, device, ask } = await scene(t);
  const mallory = server.state.people.add('mallory@example.com', undefined, undefined, 0);
  const other = addDevice(server, mallory?.id ?? '');
  const login = ask();
  const challenge = await challengeFor(server, device);
  const no = (reason: string) => ({ status: 'failed', reason, data: [null] });

  t.same(await answer(server, other, challenge), no('DEVICE_NOT_FOUND'), 'of another person’s device');
  t.same(await answer(server, other, challenge, { deviceId: device.id }), no('U2F_FAILED'), 'under a borrowed name');
  t.same(await answer(server, device, challenge, { signature: '' }), no('U2F_FAILED'), 'without signature');
  t.same(await answer(server, device, challenge, { signature: '%%%' }), no('U2F_FAILED'), 'with no base64');
  t.same(await answer(server, device, challenge, { signature: signText('other', device.key) }), no('U2F_FAILED'));
  t.same(await answer(server, device, challenge, { answer: 'yes' }), no('invalid request'), 'neither YES nor NO');
  t.same(await answer(server, device, '00'.repeat(32)), no('invalid request'), 'to another challenge');
  t.same((await server.post('/api/v1/remote/auth/u2f', '{')).json, {
    status: 'failed',
    reason: 'invalid request',
    intent: 'U2FHandle',
    data: null,
  });

  server.state.devices.remove(device.id);
  t.same(await answer(server, device, challenge), no('DEVICE_NOT_FOUND'), 'of a device removed meanwhile');
  server.time.advance(60_000);
  t.same(await login, refused);
});

t.test('who is disabled, or loses the access, while a push waits does not come in, whatever the push says', async t => {
  const { server, alice, device, ask } = await scene(t);
  const { people, access, services } = server.state;
  const service = services.find('web1');
  if (service === undefined) throw new Error('no service');
  const changes: [reason: string, change: () => void][] = [
    ['policy not assigned', () => access.revoke({ kind: 'person', id: alice.person.id }, service.id, 'alice')],
    ['IP_POLICY_FAILED', () => grant(server.state, alice.person.id, service.id, { networks: ['203.0.113.0/24'] })],
    ['User Disabled', () => people.setEnabled(alice.person.id, false)],
  ];
  for (const [reason, change] of changes) {
    grant(server.state, alice.person.id, service.id);
    const login = ask();
    const challenge = await challengeFor(server, device);
    change();
    t.same(await answer(server, device, challenge), taken);
    t.match(await login, { status: 'failed', reason });
  }
});

t.test('who is disabled while a push of the dashboard waits gets no session', async t => {
  const { server, alice, device } = await scene(t);
  const intent = 'AUTH_REQ_DASH_LOGIN';
  const password = { email: 'alice@example.com', password: 'correct horse', intent };
  const { json } = await server.post('/auth/identity', password);
  const token: unknown = isObject(json) && Array.isArray(json['data']) ? json['data'][0] : '';
  const login = server.post('/auth/tfa', { token, intent, tfaMethod: 'u2f' });
  const challenge = await challengeFor(server, device);
  server.state.people.setEnabled(alice.person.id, false);
  await answer(server, device, challenge);
  const reply = await login;
  t.match(reply.json, { status: 'failed', reason: 'unable to verify user' });
  t.equal(reply.headers['set-cookie'], undefined);
});

t.test('of two answers the first one counts', async t => {
  const { server, device, ask } = await scene(t);
  const login = ask();
  const challenge = await challengeFor(server, device);
  const answers = [answer(server, device, challenge, { answer: 'NO' }), answer(server, device, challenge)];
  const statuses = (await Promise.all(answers)).map(json => (isObject(json) ? String(json['status']) : ''));
  t.same(new Set(statuses), new Set(['failed', 'success']));
  const said = server.log.find(line => line.includes('u2f') && line.includes('"success"')) ?? '';
  t.same(await login, said.includes('"YES"') ? passed : refused);
});

t.test('a device proves itself for its pushes, each time anew', async t => {
  const { server, device } = await scene(t);
  const stranger = { status: 'failed', reason: 'DEVICE_NOT_FOUND', data: [null] };
  const other = { ...device, key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey };
  t.same((await poll(server, other)).json, stranger, 'with its own key');
  t.same((await poll(server, { ...device, id: 'nobody' })).json, stranger);
  t.same((await poll(server, device, '', { timestamp: String(server.time.now() - 60_001) })).json, stranger);
  t.same((await server.post('/api/v1/remote/pushes', 'x')).json, { ...stranger, reason: 'invalid request' });
});

t.test('a device waits for pushes for 25 s, twice at most', async t => {
  const { server, device } = await scene(t);
  const polls = [poll(server, device), poll(server, device)];
  await until(() => server.time.waiting === 2);
  t.match((await poll(server, device)).json, { status: 'failed', reason: 'too many requests of this device' });
  server.time.advance(25_000);
  for (const reply of await Promise.all(polls)) t.same(reply.json, { status: 'success', data: [{ pushes: [] }] });
});

t.test('a stop of the server cancels what is held, and answers it', async t => {
  const { server, device, ask } = await scene(t);
  const login = ask({ attempt: 'A1' });
  const challenge = await challengeFor(server, device);
  const change = poll(server, device, challenge);
  await until(() => server.time.waiting === 2);
  await server.close();
  t.same(await login, { ...refused, data: [{ attempt: 'A1', push: 'cancelled' }] });
  t.equal((await change).status, 200);
});

t.test('neither challenges nor signatures are in the log', async t => {
  const { server, device, ask } = await scene(t);
  const login = ask();
  const challenge = await challengeFor(server, device);
  await answer(server, device, challenge);
  await login;
  t.equal(server.log.length, 2);
  t.notOk(server.log.join().includes(challenge));
  t.notOk(server.log.join().includes(signText(challenge, device.key)));
  t.match(JSON.parse(server.log[1] ?? ''), { factor: 'push', device: device.id, person: 'alice@example.com' });
});
