import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { peerCredentials } from '../../src/host/peer.ts';

async function accepted(server: Server, options: { path: string } | { port: number; host: string }): Promise<Socket[]> {
  const client = connect(options);
  const socket = await new Promise<Socket>(resolve => server.once('connection', resolve));
  return [socket, client];
}

async function listening(t: { teardown(end: () => void): void }, at: object): Promise<Server> {
  const server = createServer();
  t.teardown(() => server.close());
  await new Promise<void>(resolve => server.listen(at, resolve));
  return server;
}

t.test('the kernel says who is at the other end', async t => {
  const path = join(t.testdir(), 's');
  const sockets = await accepted(await listening(t, { path }), { path });
  const [socket] = sockets;
  if (socket === undefined) throw new Error('no connection');
  t.same(peerCredentials(socket), { pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() });
  for (const each of sockets) each.destroy();
});

t.test('a closed socket has no peer', async t => {
  const path = join(t.testdir(), 's');
  const sockets = await accepted(await listening(t, { path }), { path });
  for (const socket of sockets) {
    socket.destroy();
    t.equal(peerCredentials(socket), undefined);
  }
});

t.test('a socket of the network has none, either', async t => {
  const server = await listening(t, { port: 0, host: '127.0.0.1' });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const sockets = await accepted(server, { port, host: '127.0.0.1' });
  for (const socket of sockets) {
    t.equal(peerCredentials(socket), undefined);
    socket.destroy();
  }
});
