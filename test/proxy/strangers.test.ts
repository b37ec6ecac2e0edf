/** A crowd of strangers, and strangers by the byte: before there are keys, and before anybody is known. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import t from 'tap';
import { string, uint32, WireReader } from '../../src/ssh/wire.ts';
import { until } from '../helpers/e2e/until.ts';
import { newPair } from '../ssh/authority.ts';
import { type InProcess, inProcess } from './in-process.ts';
import { answerBoth, authRequest, keyboardInteractive, keyQuestion, rawClient, rawStranger } from './raw-peer.ts';

const user = 'alice@web1';

t.test(
  'half-open connections by the hundred: who is in goes on, who comes is let in, and each is gone in time',
  async t => {
    const loginTimeoutMs = 10_000; // in which all of this happens, on a slow machine as well
    const crowded = { maxStartups: 400, maxStartupsPerAddress: 120, loginTimeoutMs };
    const proxy = await inProcess(t, { proxy: crowded });
    const { peer, host } = await session(proxy);
    const before = process.memoryUsage().rss;
    const crowd = Array.from({ length: 300 }, (_, i) => {
      const socket = connect({
        port: proxy.port,
        host: '127.0.0.1',
        localAddress: `127.0.0.${2 + Math.floor(i / 100)}`,
      });
      socket.on('error', () => {});
      if (i % 3 > 0) socket.write('SSH-2.0-half\r\n');
      if (i % 3 > 1) socket.write(packet(kexInit({ compression: 'none' })));
      return socket.resume();
    });
    t.teardown(() => crowd.forEach(socket => socket.destroy()));
    await until('all of them to be heard', () => crowd.every(socket => socket.bytesRead > 0));
    for (let i = 0; i < 20; i++) {
      peer.send(Buffer.of(80), string('keepalive@openssh.com'), Buffer.of(1));
      await host.next(80);
      host.send(Buffer.of(82));
      await peer.next(82);
    }
    proxy.pass(400_000); // the code is good again
    await session(proxy);
    t.ok(
      crowd.every(socket => !socket.closed),
      'they are all there still',
    );
    t.ok(process.memoryUsage().rss - before < 200 * 1024 * 1024);
    await until('the end of each', () => crowd.every(socket => socket.closed));
    await reasons(proxy, 300);
  },
);

t.test(
  'a first line by the byte, and a key exchange by the byte: the time for a login is one, however much drips',
  async t => {
    const proxy = await inProcess(t, { proxy: { loginTimeoutMs: 1_000 } });
    for (const endless of ['SSH-2.0-'.padEnd(250, 'x'), `SSH-2.0-x\r\n${'\0\0\x3f\xfc\x04\x14'.padEnd(2_000, 'x')}`]) {
      const socket = connect(proxy.port, '127.0.0.1').on('error', () => {});
      let sent = 0;
      const drip = setInterval(() => socket.write(Buffer.from([endless.charCodeAt(sent++)])), 20);
      t.teardown(() => clearInterval(drip));
      await once(socket.resume(), 'close');
      clearInterval(drip);
      t.ok(sent > 5 && sent < endless.length, `it ended after ${sent} bytes`);
      proxy.pass(60_000);
    }
    t.match(await reasons(proxy, 2), [/too long/, /too long/]);
  },
);

t.test('a host by the byte: the person waits no longer than a login may take', async t => {
  const dripping = createServer(socket => {
    const drip = setInterval(() => socket.write('x'), 20);
    socket.on('error', () => {}).on('close', () => clearInterval(drip));
  });
  dripping.listen(0, '127.0.0.1');
  await once(dripping, 'listening');
  t.teardown(() => dripping.close());
  const address = dripping.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const proxy = await inProcess(t, { service: { port }, proxy: { loginTimeoutMs: 2_000 } });
  const peer = await rawStranger(proxy.port);
  await answerBoth(peer, user, proxy.alice);
  t.match(await peer.ended(), { text: /took too long|disconnected/ });
  await until('the host to be left', async () => {
    const count = await new Promise<number>(resolve => dripping.getConnections((_, n) => resolve(n)));
    return count === 0;
  });
});

t.test('nothing is inflated: no compression is offered, and who offers nothing else is left', async t => {
  const proxy = await inProcess(t);
  const bomber = await talk(proxy.port);
  const offered = listsOf(await bomber.next(20));
  t.strictSame([offered[6], offered[7]], ['none', 'none']);
  bomber.send(kexInit({ compression: 'zlib,zlib@openssh.com' }));
  await bomber.closed;
  t.match(await reasons(proxy, 1), [/compression/]);
});

t.test('strict key exchange: nothing may come between, or numbers would shift (CVE-2023-48795)', async t => {
  const proxy = await inProcess(t);
  const stranger = await talk(proxy.port);
  t.match(listsOf(await stranger.next(20))[0], /(?:^|,)kex-strict-s-v00@openssh\.com(?:,|$)/);
  stranger.send(kexInit({ compression: 'none', strict: 'kex-strict-c-v00@openssh.com' }));
  stranger.send(Buffer.concat([Buffer.of(2), string('slipped in')]));
  await stranger.closed;
  t.notOk(stranger.heard.some(payload => payload[0] === 21));
  const lax = await talk(proxy.port);
  lax.send(kexInit({ compression: 'none' }));
  lax.send(Buffer.concat([Buffer.of(2), string('slipped in')]));
  lax.send(Buffer.concat([Buffer.of(1), uint32(11), string('enough'), string('')]));
  await lax.closed;
  t.match(
    await reasons(proxy, 2),
    [/unexpected packet type 2/, /it disconnected \(11, enough\)/],
    'who does not know of it is heard as ever',
  );

  const host = createServer(socket => {
    socket.on('error', () => {}).resume();
    socket.write('SSH-2.0-host\r\n');
    socket.write(packet(kexInit({ compression: 'none', strict: 'kex-strict-s-v00@openssh.com' })));
    socket.write(packet(Buffer.concat([Buffer.of(2), string('slipped in')])));
  });
  host.listen(0, '127.0.0.1');
  await once(host, 'listening');
  t.teardown(() => host.close());
  const address = host.address();
  await t.rejects(rawClient(typeof address === 'object' ? (address?.port ?? 0) : 0), {
    message: /unexpected packet type 2/,
  });
});

t.test(
  'what counts against an address: names that nobody has as well, a look once, and questions about keys not at all',
  async t => {
    const proxy = await inProcess(t, { proxy: { loginTimeoutMs: 60_000 } });
    const isOut = async (from: string): Promise<boolean> =>
      await rawClient(proxy.port, { from }).then(
        peer => {
          peer.socket.destroy();
          return false;
        },
        () => true,
      );
    const goneBefore = (): number => proxy.lines.filter(line => line['text'] === 'a stranger is gone').length;
    const come = async (from: string, doing: (peer: Awaited<ReturnType<typeof rawStranger>>) => Promise<void>) => {
      const gone = goneBefore();
      const peer = await rawStranger(proxy.port, { from });
      await doing(peer);
      peer.socket.destroy();
      await until('its end', () => goneBefore() > gone);
    };
    for (let i = 0; i < 3; i++)
      await come('127.0.0.2', async peer => {
        peer.send(authRequest(`nobody${i}`, 'password', Buffer.of(0), string('x')));
        await peer.next(51);
      });
    t.ok(await isOut('127.0.0.2'), 'three names, none of which there is');
    t.notOk(await isOut('127.0.0.3'), 'nobody else');

    for (let i = 0; i < 5; i++) await come('127.0.0.4', async () => {});
    t.notOk(await isOut('127.0.0.4'), 'who only looks pays one second for each look');

    for (let i = 0; i < 3; i++)
      await come('127.0.0.5', async peer => {
        for (let asked = 0; asked < 15; asked++) {
          peer.send(keyQuestion(user, newPair()));
          await peer.next(51);
        }
      });
    t.notOk(await isOut('127.0.0.5'), 'an agent holds many keys');
  },
);

t.test(
  'who is kept out is let in again by an exemption, and limits hold from the moment at which they are changed',
  async t => {
    const proxy = await inProcess(t, { proxy: { maxStartupsPerAddress: 1 } });
    const first = await rawStranger(proxy.port);
    await t.rejects(rawClient(proxy.port), 'a second at the same time');
    await proxy.reload({ maxStartupsPerAddress: 8 });
    const second = await rawStranger(proxy.port);
    for (const peer of [first, second])
      for (let i = 0; i < 2; i++) {
        peer.send(authRequest(user, 'password', Buffer.of(0), string('x')));
        await peer.next(51);
      }
    second.send(keyboardInteractive(user));
    await second.next(60);
    await t.rejects(rawClient(proxy.port), 'whatever they know');
    await proxy.reload({ maxStartupsPerAddress: 8, penaltyExempt: '127.0.0.0/8' });
    await session(proxy);
  },
);

/** A logged-in client, and the host's end. */
async function session(proxy: InProcess) {
  const peer = await rawStranger(proxy.port);
  await answerBoth(peer, user, proxy.alice);
  await peer.next(52);
  const host = await until('the host', () => proxy.host.peers.at(-1));
  return { peer, host };
}

/** Why the first so many strangers are gone, when they are. */
async function reasons({ lines }: InProcess, count: number): Promise<string[]> {
  return await until(`${count} strangers to be gone`, () => {
    const gone = lines.filter(line => line['text'] === 'a stranger is gone');
    return gone.length < count ? undefined : gone.map(line => String(line['why']));
  });
}

interface Talk {
  /** Payloads so far. */
  readonly heard: readonly Buffer[];
  send(payload: Buffer): void;
  next(number: number): Promise<Buffer>;
  readonly closed: Promise<unknown>;
}

/** Packets in the clear (RFC 4253 §6), behind a first line. */
async function talk(port: number): Promise<Talk> {
  const socket: Socket = connect(port, '127.0.0.1').on('error', () => {});
  let bytes: Buffer = Buffer.alloc(0);
  const heard: Buffer[] = [];
  let isGreeted = false;
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    if (!isGreeted && !bytes.includes('\n')) return;
    if (!isGreeted) bytes = bytes.subarray(bytes.indexOf('\n') + 1);
    isGreeted = true;
    while (bytes.length > 4 && bytes.length >= 4 + bytes.readUInt32BE()) {
      const [length, padding = 0] = [bytes.readUInt32BE(), bytes[4]];
      heard.push(bytes.subarray(5, 4 + length - padding));
      bytes = bytes.subarray(4 + length);
    }
  });
  const closed = once(socket, 'close');
  await once(socket, 'connect');
  socket.write('SSH-2.0-talk\r\n');
  return {
    heard,
    closed,
    send: payload => void socket.write(packet(payload)),
    next: async number => await until(`message ${number}`, () => heard.find(payload => payload[0] === number)),
  };
}

function packet(payload: Buffer): Buffer {
  const padding = 4 + ((8 - ((payload.length + 9) % 8)) % 8);
  return Buffer.concat([uint32(1 + payload.length + padding), Buffer.of(padding), payload, Buffer.alloc(padding)]);
}

function kexInit({ compression, strict }: { readonly compression: string; readonly strict?: string }): Buffer {
  const kex = `curve25519-sha256${strict === undefined ? '' : `,${strict}`}`;
  const twice = ['aes128-gcm@openssh.com', 'hmac-sha2-256', compression, ''].flatMap(list => [list, list]);
  const lists = [kex, 'ssh-ed25519', ...twice];
  return Buffer.concat([Buffer.of(20), Buffer.alloc(16, 1), ...lists.map(string), Buffer.of(0), uint32(0)]);
}

/** The name-lists of a KEXINIT (RFC 4253 §7.1). */
function listsOf(payload: Buffer): string[] {
  const reader = new WireReader(payload.subarray(17));
  return Array.from({ length: 10 }, () => reader.string().toString('latin1'));
}
