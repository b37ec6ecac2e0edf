/** Behind a balancer: whom it speaks for is believed of a listed one, and of nobody else. */
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { byte, string } from '../../src/ssh/wire.ts';
import { until } from '../helpers/e2e/until.ts';
import { type InProcess, inProcess } from './in-process.ts';
import { answerBoth, authRequest, type RawPeer, rawStranger } from './raw-peer.ts';

const balancer = '127.0.0.2';
const user = 'alice@web1';
const header = (address: string): Buffer => Buffer.from(`PROXY TCP4 ${address} 127.0.0.1 50000 8022\r\n`);
const local = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');

t.test('the address of the client is the one that counts, in log, decision and session', async t => {
  const proxy = await behind(t);
  const peer = await stranger(proxy, header('192.0.2.7'));
  await logIn(proxy, peer);
  t.match(
    proxy.lines.find(line => line['event'] === 'decision'),
    { client: '192.0.2.7', decision: 'allow' },
  );
  t.match(
    proxy.lines.find(line => line['event'] === 'session-start'),
    { client: '192.0.2.7' },
  );
});

t.test('from anybody else a header is no first line of SSH', async t => {
  const proxy = await behind(t);
  for (const bytes of [header('192.0.2.7'), local]) {
    t.match(await saidTo(proxy, bytes, '127.0.0.1'), /^SSH-2.0-trasa_test\r\n$/);
    await until('its end', () => proxy.lines.some(line => /speak SSH|too long/.test(String(line['why']))));
  }
  t.notOk(proxy.lines.some(line => line['client'] === '192.0.2.7'));
});

t.test('a balancer that says nothing, something else, or drips is not served', async t => {
  const proxy = await behind(t, {}, 1_000);
  const waiting = dripping(proxy);
  t.equal(await saidTo(proxy, Buffer.from('SSH-2.0-OpenSSH_9.9\r\n'), balancer), '');
  t.equal(await saidTo(proxy, Buffer.from('PROXY UNIX /a /b\r\n'), balancer), '');
  await logIn(proxy, await stranger(proxy, header('192.0.2.7')));
  await until('the end of the one that drips', () => waiting.destroyed);
  const whys = proxy.lines.filter(line => line['text'] === 'no PROXY header').map(line => line['why']);
  t.strictSame(whys, ['neither version begins like this', 'the protocol is neither TCP4 nor TCP6', 'it took too long']);
});

t.test('a balancer that looks whether we are well is let near, and never kept out for it', async t => {
  const proxy = await behind(t);
  for (let i = 0; i < 30; i++) t.match(await saidTo(proxy, local, balancer, true), /^SSH-2.0-trasa_test\r\n/);
});

t.test('who fails again and again is kept out, and the balancer with all others is not', async t => {
  const proxy = await behind(t);
  for (let i = 0; i < 3; i++) {
    const peer = await stranger(proxy, header('192.0.2.7'));
    peer.send(authRequest(user, 'password', byte(0), string('x')));
    await peer.next(51);
    peer.socket.destroy();
    await peer.ended();
  }
  await t.rejects(stranger(proxy, header('192.0.2.7')));
  await t.resolves(stranger(proxy, header('192.0.2.8')));
});

t.test('one for whom the balancer has not spoken yet is not lost with a new configuration', async t => {
  const proxy = await behind(t);
  const socket = connect({ port: proxy.port, host: '127.0.0.1', localAddress: balancer }).on('error', () => {});
  let heard = '';
  socket.on('data', data => {
    heard += data.toString('latin1');
  });
  await until('that it is handed on', () => proxy.workers[0]?.admitted === 1);
  await proxy.reload({});
  socket.write(header('192.0.2.7'));
  await until('a word', () => heard !== '' || socket.destroyed);
  t.match(heard, /^SSH-2.0-trasa_test\r\n/);
  socket.destroy();
});

t.test('strangers are counted by who they are', async t => {
  const proxy = await behind(t, { maxStartupsPerAddress: 2 });
  await stranger(proxy, header('192.0.2.7'));
  await stranger(proxy, header('192.0.2.7'));
  await t.rejects(stranger(proxy, header('192.0.2.7')));
  await t.resolves(stranger(proxy, header('192.0.2.8')));
});

async function behind(
  t: Parameters<typeof inProcess>[0],
  proxy: Partial<{ maxStartupsPerAddress: number }> = {},
  headerMs = 60_000,
) {
  return await inProcess(t, { headerMs, proxy: { proxyProtocolFrom: `${balancer},192.0.2.200`, ...proxy } });
}

async function stranger(proxy: InProcess, before: Buffer): Promise<RawPeer> {
  return await rawStranger(proxy.port, { from: balancer, before });
}

async function logIn(proxy: InProcess, peer: RawPeer): Promise<void> {
  await answerBoth(peer, user, proxy.alice);
  await peer.next(52);
}

/** What a connection hears that sends these bytes. @param leaves as soon as it has heard anything */
async function saidTo({ port }: InProcess, bytes: Buffer, localAddress: string, leaves = false): Promise<string> {
  return await new Promise(resolve => {
    let heard = '';
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    socket.on('data', data => {
      heard += data.toString('latin1');
      if (leaves) socket.destroy();
    });
    socket.on('error', () => {}).on('close', () => resolve(heard));
    socket.write(bytes);
  });
}

/** A byte every 50 ms, of a header that is right so far. */
function dripping({ port }: InProcess): Socket {
  const socket = connect({ port, host: '127.0.0.1', localAddress: balancer }).on('error', () => {});
  const bytes = [...header('192.0.2.7')].values();
  const drip = setInterval(() => socket.write(Buffer.of(bytes.next().value ?? 0)), 50);
  socket.on('close', () => clearInterval(drip));
  return socket;
}
