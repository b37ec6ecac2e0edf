import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import t, { type Test } from 'tap';
import { networkOf } from '../../src/server/connections.ts';
import type { HttpLimits } from '../../src/server/http.ts';
import { addAlice, type TestServer, testServer, until } from './test-server.ts';

const patient = { tlsTimeoutMs: 60_000, requestTimeoutMs: 60_000 };

async function scene(t: Test, http: HttpLimits) {
  const server = await testServer(t, { http });
  const open = async (localAddress = '127.0.0.1') => await opened(t, server, localAddress);
  const answers = async () => (await server.post('/auth/agent/nix', '{}')).status === 200;
  return { server, open, answers };
}

async function opened(t: Test, { url }: TestServer, localAddress: string): Promise<Socket> {
  const socket = connectTcp({ port: Number(url.port), host: '127.0.0.1', localAddress });
  socket.on('error', () => undefined).resume();
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

async function secured(t: Test, { url }: TestServer): Promise<Socket> {
  const socket = connectTls({ port: Number(url.port), host: '127.0.0.1', rejectUnauthorized: false });
  socket.on('error', () => undefined).resume();
  t.teardown(() => socket.destroy());
  await once(socket, 'secureConnect');
  return socket;
}

/** A reset is an end like any other; `once` would throw it. */
async function closed(socket: Socket): Promise<void> {
  await new Promise<void>(resolve => socket.once('close', () => resolve()));
}

t.test('one client that says nothing does not silence the server, however many connections it opens', async t => {
  const { open, answers } = await scene(t, { ...patient, connections: { total: 100, perAddress: 4 } });
  const crowd: Socket[] = [];
  for (let i = 0; i < 20; i++) crowd.push(await open());
  await until(() => crowd.filter(socket => socket.closed).length === 16);
  t.ok(await answers(), 'from its own address');
  const neighbour = await open('127.0.0.2');
  t.notOk(neighbour.closed, 'and the crowd takes no room of others');
});

t.test('many clients that say nothing do not silence it either: the oldest makes room', async t => {
  const { open, answers } = await scene(t, { ...patient, connections: { total: 4, perAddress: 2 } });
  const first = await open('127.0.0.2');
  const others = [await open('127.0.0.2'), await open('127.0.0.3'), await open('127.0.0.3')];
  const gone = closed(first);
  t.ok(await answers());
  await gone;
  t.strictSame(
    others.map(socket => socket.closed),
    [false, false, false],
  );
});

t.test('a request that waits for its answer keeps its connection, whoever comes', async t => {
  const { promise: approved, resolve: approve } = Promise.withResolvers<void>();
  let asked = false;
  const server = await testServer(t, {
    http: { ...patient, connections: { total: 3, perAddress: 3 } },
    factor: async () => {
      asked = true;
      await approved;
      return { kind: 'verified', factor: 'push', device: 'phone' };
    },
  });
  const { request } = await addAlice(server.state);
  const login = server.post('/auth/agent/nix', request);
  await until(() => asked);
  const crowd: Socket[] = [];
  for (let i = 0; i < 10; i++) crowd.push(await opened(t, server, '127.0.0.1'));
  await until(() => crowd.filter(socket => socket.closed).length === 8);
  approve();
  t.match((await login).json, { status: 'success' });
});

t.test('connections that ended count no more', async t => {
  const { open, answers } = await scene(t, { ...patient, connections: { total: 2, perAddress: 2 } });
  const stays = await open('127.0.0.2');
  for (let i = 0; i < 5; i++) t.ok(await answers());
  t.notOk(stays.closed);
});

t.test('who does not shake hands (TLS) in time is cut off, also if bytes come now and then', async t => {
  const connections = { total: 10, perAddress: 10 };
  const { open } = await scene(t, { connections, tlsTimeoutMs: 200, requestTimeoutMs: 60_000 });
  await closed(await open());
  const slow = await open();
  slow.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00])); // the header of a ClientHello of 512 bytes
  const drip = setInterval(() => slow.write(Buffer.alloc(1)), 50);
  t.teardown(() => clearInterval(drip));
  await closed(slow);
  t.pass();
});

t.test('who does not finish a request in time is cut off', async t => {
  const connections = { total: 10, perAddress: 10 };
  const { server } = await scene(t, { connections, tlsTimeoutMs: 60_000, requestTimeoutMs: 200 });
  await closed(await secured(t, server));
  for (const begin of [
    'POST /auth/agent/nix HTTP/1.1\r\n',
    'POST /auth/agent/nix HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{',
  ]) {
    const socket = await secured(t, server);
    socket.write(begin);
    const drip = setInterval(() => socket.write('x'), 50);
    if (begin.endsWith('{')) clearInterval(drip);
    t.teardown(() => clearInterval(drip));
    await closed(socket);
  }
  t.pass();
});

t.test('a host counts once: by its address of version 4, or its /64 of version 6', async t => {
  t.equal(networkOf('::ffff:192.0.2.7'), networkOf('192.0.2.7'));
  t.equal(networkOf('2001:db8::1'), networkOf('2001:db8:0:0:ffff::2'));
  t.equal(networkOf('fe80::1%eth0'), networkOf('fe80::2'));
  t.not(networkOf('2001:db8::1'), networkOf('2001:db8:0:1::1'));
  t.not(networkOf('192.0.2.7'), networkOf('192.0.2.8'));
});
