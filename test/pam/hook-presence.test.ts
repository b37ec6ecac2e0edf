import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import t from 'tap';
import { watchConnection } from '../../src/pam/client-connection.ts';
import { watchPresence } from '../../src/pam/presence.ts';

t.test('while somebody waits nothing happens; then the login ends as disconnected', async t => {
  let isGone = false;
  const presence = watchPresence(() => isGone);
  t.teardown(presence.stop);
  t.equal(presence.signal.aborted, false);
  const aborted = once(presence.signal, 'abort');
  isGone = true;
  await aborted;
  t.equal(presence.signal.reason, 'disconnected');
});

t.test('who is gone at the start is gone', async t => {
  const presence = watchPresence(() => true);
  presence.stop();
  t.equal(presence.signal.aborted, true);
});

for (const host of ['127.0.0.1', '::1', '::ffff:127.0.0.1'])
  t.test(`a client at ${host} that closes its connection is missed, and one that does not is not`, async t => {
    const server = createServer({ allowHalfOpen: true }).listen(0, host === '127.0.0.1' ? host : '::');
    await once(server, 'listening');
    t.teardown(() => server.close());
    const { port } = server.address() as AddressInfo;
    const accepted = once(server, 'connection');
    const client = connect({ port, host });
    await Promise.all([accepted, once(client, 'connect')]);
    const [theirs] = (await accepted) as [Socket];
    t.teardown(() => theirs.destroy());

    const address = host.replace('::ffff:', ''); // sshd's way to name it (canohost.c)
    const connection = watchConnection(`${address} ${client.localPort} ${address} ${port}`);
    t.equal(connection.isClosed(), false);
    t.equal(connection.isClosed(), false);
    client.destroy();
    await once(theirs.resume(), 'end');
    t.equal(connection.isClosed(), true, 'although our side is open still');
  });

t.test('a connection that was never there is not missed', async t => {
  for (const text of [
    undefined,
    '',
    'UNKNOWN 65535 UNKNOWN 65535',
    '192.0.2.7 1 192.0.2.1 22',
    'x y z',
    '1 2 3 99999',
  ]) {
    const connection = watchConnection(text);
    connection.isClosed();
    t.equal(connection.isClosed(), false, text ?? 'none');
  }
});

t.test('a table that cannot be read tells nothing', async t => {
  const row = '   0: 010000C0:0016 070200C0:C366 01 00000000:00000000\n';
  let table: string | undefined = row;
  const connection = watchConnection('192.0.2.7 50022 192.0.0.1 22', () => table);
  t.equal(connection.isClosed(), false);
  table = undefined;
  t.equal(connection.isClosed(), false);
  table = row.replace(' 01 ', ' 08 ');
  t.equal(connection.isClosed(), true);
});

t.test('one look that misses the connection proves nothing; three in a row do', async t => {
  const row = '   0: 010000C0:0016 070200C0:C366 01 00000000:00000000\n';
  const tables = [row, '', '', row, '', '', '', ''];
  const connection = watchConnection('192.0.2.7 50022 192.0.0.1 22', () => tables.shift());
  const seen = Array.from({ length: 8 }, () => connection.isClosed());
  t.strictSame(seen, [false, false, false, false, false, false, true, true]);
});
