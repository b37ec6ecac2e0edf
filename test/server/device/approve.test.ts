import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { enrolPush } from '../../../src/server/admin/enrol-push.ts';
import type { SeenPush } from '../../../src/server/api/device-messages.ts';
import { type ApproveOptions, approve, describe } from '../../../src/server/device/approve.ts';
import { type DeviceClient, deviceClient, type Reply } from '../../../src/server/device/device-client.ts';
import { type Device, readDevice } from '../../../src/server/device/device-file.ts';
import { addAlice, type TestServer, testServer, until } from '../test-server.ts';

const never = new AbortController().signal;
const words = { service: 'web1', hostname: '', clientAddress: '', number: '', command: '', attempt: '' };
const push: SeenPush = { challenge: 'ab'.repeat(32), account: 'alice', ...words };

async function scene(t: Parameters<typeof testServer>[0]) {
  const server = await testServer(t);
  const { request } = await addAlice(server.state, { enrolled: false });
  const device = enrol(server, t.testdirName);
  const ask = async (more: object = {}, signal?: AbortSignal) =>
    (await server.post('/auth/agent/nix', { ...request, attempt: 'A1', ...more }, signal)).json;
  return { server, ask, device };
}

function enrol({ state, url, pin }: TestServer, directory: string): Device {
  const enrolled = enrolPush(state, { person: 'alice', name: 'phone', server: url.origin, pin }, 0);
  if (enrolled.kind === 'failed') throw new Error(enrolled.text);
  const file = join(directory, 'alice.device');
  writeFileSync(file, enrolled.value.file.expose(), { mode: 0o600 });
  const read = readDevice(file);
  if (read.kind === 'broken') throw new Error(read.text);
  return read.device;
}

function options(client: DeviceClient, more: Partial<ApproveOptions> = {}): ApproveOptions & { said: string[] } {
  const said: string[] = [];
  const base = { client, said, say: (line: string) => void said.push(line), once: true };
  return { ...base, decide: async () => await Promise.resolve(true), pause: async () => undefined, ...more };
}

t.test('a device approves a push of a real server', async t => {
  const { server, ask, device } = await scene(t);
  const client = deviceClient(device, server.time.now);
  const work = options(client);
  const ended = approve(work, never);
  const verdict = await ask({ pushNumber: '42', command: 'make\u001b]0;x\u0007' });
  t.match(verdict, { status: 'success', data: [{ attempt: 'A1' }] });
  t.same(await ended, { kind: 'answered', isApproved: true });
  t.same(work.said, [
    'Is this you?',
    '  Account  alice',
    '  Host     web1, web1.example.com',
    '  From     192.0.2.7',
    '  Command  make?]0;x?',
    '  Number   42',
    '  Attempt  A1',
    'Approved.',
  ]);
});

t.test('a device refuses one, and the host learns it', async t => {
  const { server, ask, device } = await scene(t);
  const work = options(deviceClient(device, server.time.now), { decide: async () => await Promise.resolve(false) });
  const ended = approve(work, never);
  t.match(await ask(), { status: 'failed', data: [{ push: 'refused' }] });
  t.same(await ended, { kind: 'answered', isApproved: false });
});

t.test('a question is taken back when the login is given up', async t => {
  const { server, ask, device } = await scene(t);
  const gone = new AbortController();
  const stop = new AbortController();
  let isWithdrawn = false;
  const decide: ApproveOptions['decide'] = async (_push, withdrawn) => {
    gone.abort();
    await new Promise(resolve => withdrawn.addEventListener('abort', resolve));
    isWithdrawn = true;
    return undefined;
  };
  const work = options(deviceClient(device, server.time.now), { decide });
  const ended = approve(work, stop.signal);
  await ask({}, gone.signal).catch(() => 'closed');
  await until(() => isWithdrawn);
  stop.abort();
  t.same(await ended, { kind: 'stopped' });
  t.ok(work.said.includes('The login was given up, or another device answered.'));
});

t.test('a device with nobody to ask stops, and answers nothing', async t => {
  const { server, ask, device } = await scene(t);
  const client = deviceClient(device, server.time.now);
  const gone = new AbortController();
  const login = ask({}, gone.signal).catch(() => 'closed');
  const work = options(client, { decide: async () => await Promise.resolve(undefined) });
  t.match(await approve(work, never), { kind: 'failed', text: /nobody is here/ });
  t.notOk(server.log.some(line => line.includes('u2f')));
  gone.abort();
  await login;
});

t.test('a server with another key than the pinned one is told nothing', async t => {
  const { server, device } = await scene(t);
  const client = deviceClient({ ...device, pin: 'sha256//AAAA' }, server.time.now);
  t.match(await client.pushes([], never), { kind: 'unreachable', text: /another key/ });
  const unpinned = deviceClient({ ...device, pin: undefined }, server.time.now);
  t.match(await unpinned.pushes([], never), { kind: 'unreachable', text: /self-signed/ }, 'nor one nobody vouches for');
  t.same(server.log, []);
});

t.test('a device that was removed stops', async t => {
  const { server, device } = await scene(t);
  server.state.devices.remove(device.id);
  t.match(await approve(options(deviceClient(device, server.time.now)), never), {
    kind: 'failed',
    text: /does not know this device/,
  });
});

t.test('a server that is away is asked again, at longer intervals', async t => {
  const stop = new AbortController();
  const pauses: number[] = [];
  const replies: Reply[] = [
    { kind: 'unreachable', text: 'refused' },
    { kind: 'nonsense' },
    { kind: 'success', pushes: [] },
  ];
  const client: DeviceClient = {
    pushes: async () => await Promise.resolve(replies.shift() ?? { kind: 'unreachable', text: 'refused' }),
    answer: async () => await Promise.resolve({ kind: 'nonsense' }),
  };
  const pause = async (ms: number): Promise<void> => {
    pauses.push(ms);
    if (pauses.length === 10) stop.abort();
    await Promise.resolve();
  };
  t.same(await approve(options(client, { pause }), stop.signal), { kind: 'stopped' });
  t.same(pauses, [1000, 2000, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

t.test('nothing but a challenge is ever signed', async t => {
  const { server, device } = await scene(t);
  const client = deviceClient(device, server.time.now);
  for (const challenge of ['', 'trasa-agent pushes\nx', 'AB'.repeat(32), `${'ab'.repeat(32)}\n`])
    t.same(await client.answer(challenge, true), { kind: 'nonsense' });
  t.match(await client.answer(push.challenge, true), { kind: 'failed', reason: 'invalid request' });
});

t.test('what a push says is cleaned and bounded', async t => {
  const lines = describe({ ...push, command: `\u001b[31m${'x'.repeat(1000)}` });
  t.ok(lines.every(line => /^[^\p{Cc}]{1,220}$/u.test(line)));
});

t.test('a device file is its owner’s alone, and one', async t => {
  const directory = t.testdir({ junk: '{}', http: '{"server":"http://x","id":"a","person":"b","privateKey":"c"}' });
  for (const name of ['junk', 'http']) {
    chmodSync(join(directory, name), 0o600);
    t.match(readDevice(join(directory, name)), { kind: 'broken', text: /not a device file/ });
  }
  chmodSync(join(directory, 'junk'), 0o644);
  t.match(readDevice(join(directory, 'junk')), { kind: 'broken', text: /can be read by everyone/ });
});
