/**
 * What a peer sends by chance: messages changed at random, before and after it is known, bytes that are no packets, and
 * more of everything than anybody needs. It lets nobody in, ends no connection but its own, and costs no memory.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import { Identification } from '../../src/proxy/engine/identification.ts';
import {
  parseChannelOpen,
  parseChannelRequest,
  parseConfirmation,
  parseGlobalRequest,
  recipientOf,
} from '../../src/proxy/messages/connection.ts';
import {
  parseAuthFailure,
  parseAuthRequest,
  parseInfoResponse,
  serviceIn,
  serviceRequest,
} from '../../src/proxy/messages/userauth.ts';
import { byte, string, uint32, type WireReader } from '../../src/ssh/wire.ts';
import { until } from '../helpers/e2e/until.ts';
import { Chance, seedOf } from './chance.ts';
import { type InProcess, inProcess } from './in-process.ts';
import {
  authRequest,
  infoResponse,
  keyboardInteractive,
  keyQuestion,
  type RawPeer,
  rawClient,
  rawStranger,
  signedRequest,
} from './raw-peer.ts';

const seed = seedOf(t);
const chance = new Chance(seed);
const user = 'alice@web1';

t.test('parsers: an answer to everything, and never an exception', async t => {
  const proxy = await inProcess(t);
  const sessionId = chance.bytes(32);
  const samples = [...strangersMessages(proxy, sessionId), ...connectionMessages()];
  for (let i = 0; i < 20_000; i++) {
    const payload = mutated(chance.of(samples));
    const answers = parseInfoResponse(payload, 1);
    if (answers !== undefined && answers.length !== 1) t.fail(payload.toString('hex'));
    parseAuthRequest(payload, sessionId);
    for (const parse of [
      serviceIn,
      parseAuthFailure,
      parseChannelOpen,
      parseConfirmation,
      parseChannelRequest,
      parseGlobalRequest,
      recipientOf,
    ])
      parse(payload);
    readAll(parseChannelRequest(payload)?.data);
  }
  t.pass(`seed ${seed}`);
});

t.test('a first line in any pieces, with anything in it', async t => {
  for (let i = 0; i < 5_000; i++) {
    const role = chance.of(['server', 'client'] as const);
    const line = mutated(Buffer.from(`${role === 'client' ? 'hello\r\n' : ''}SSH-2.0-OpenSSH_9.9\r\nbehind`));
    const identification = new Identification(role);
    let taken: Buffer | string | undefined;
    for (const piece of chance.pieces(line)) taken ??= identification.receive(piece);
    if (Buffer.isBuffer(taken) && !line.subarray(0, taken.length).equals(taken)) t.fail(line.toString('hex'));
  }
  t.pass(`seed ${seed}`);
});

t.test('bytes that are no packets, before there are keys', async t => {
  const proxy = await inProcess(t, {
    proxy: { maxStartups: 1_000, maxStartupsPerAddress: 1_000 },
  });
  const hello = await firstBytes(proxy.port);
  for (let round = 0; round < 4; round++) {
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        const socket = connect(proxy.port, '127.0.0.1').on('error', () => {});
        socket.resume();
        for (const piece of chance.pieces(mutated(hello))) socket.write(piece);
        socket.end();
        await once(socket, 'close');
      }),
    );
    proxy.pass(600_000); // no address is kept out any more
  }
  await unharmed(t, proxy);
});

t.test('messages changed at random from somebody who is not known', async t => {
  const proxy = await inProcess(t, { proxy: { maxStartups: 1_000, maxStartupsPerAddress: 1_000 } });
  for (let round = 0; round < 40; round++) {
    const peer = await rawClient(proxy.port);
    const { sessionId } = peer.transport;
    if (chance.below(4) > 0) peer.send(serviceRequest('ssh-userauth'));
    const samples = [...strangersMessages(proxy, sessionId), ...connectionMessages()];
    for (let i = 0; i < 8 && peer.ending === undefined; i++) peer.send(mutated(chance.of(samples)));
    await goneAfter(peer);
    proxy.pass(600_000);
  }
  nobodyCameIn(t, proxy);
  await unharmed(t, proxy);
});

t.test('messages changed at random in sessions, from either side', async t => {
  const proxy = await inProcess(t, { graceMs: 3_600_000 });
  for (let round = 0; round < 40; round++) {
    const { peer, host } = await session(proxy);
    peer.send(openSession(0, 2 ** 31));
    await host.next(90);
    host.send(confirm(0, 7));
    await peer.next(91);
    for (let i = 0; i < 12; i++) {
      const from = chance.of([peer, host]);
      if (from.ending !== undefined) break;
      from.send(mutated(chance.of(connectionMessages())));
    }
    await goneAfter(chance.of([peer, host]));
    await Promise.all([peer.ended(), host.ended()]);
    proxy.pass(600_000);
  }
  await unharmed(t, proxy);
});

t.test('20 000 channels: so many reach the host, and no more', async t => {
  const proxy = await inProcess(t);
  const { peer, host } = await session(proxy);
  for (let i = 0; i < 20_000; i++) peer.send(openSession(i, 0));
  await until('all the refusals', () => peer.messages.filter(one => one[0] === 92).length === 20_000 - 256);
  t.equal(host.messages.filter(one => one[0] === 90).length, 256);
  peer.socket.destroy();
  await unharmed(t, proxy);
});

for (const [what, window, maxPacket] of [
  ['no window, and a host that does not mind', 0, 32_768],
  ['packets of no size', 2 ** 20, 0],
  ['a window of 4 GiB', 2 ** 32 - 1, 2 ** 32 - 1],
] as const)
  t.test(`${what}: a host cannot send more than the proxy holds for a client that does not read`, async t => {
    const proxy = await inProcess(t);
    const { peer, host } = await session(proxy);
    peer.send(openSession(0, window, maxPacket));
    await host.next(90);
    host.send(confirm(0, 7));
    await peer.next(91);
    peer.transport.pause();
    const block = Buffer.concat([byte(94), uint32(0), string(Buffer.alloc(32_768))]);
    let blocks = 0;
    let quietLooks = 0;
    await until('the host to be held up', () => {
      const before = blocks;
      while (!host.transport.isCongested && blocks < 256 * 32) {
        host.send(block);
        blocks++;
      }
      quietLooks = blocks === before ? quietLooks + 1 : 0;
      return quietLooks === 10;
    });
    t.ok(blocks < 64 * 32, `${blocks / 32} MiB were taken`);
    peer.transport.resume();
    await until('all of it', () => peer.messages.filter(one => one[0] === 94).length === blocks);
    peer.socket.destroy();
    await unharmed(t, proxy);
  });

/** Valid messages of a login. */
function strangersMessages({ alice }: InProcess, sessionId: Buffer): Buffer[] {
  return [
    serviceRequest('ssh-userauth'),
    authRequest(user, 'none'),
    authRequest(user, 'password', byte(0), string('secret')),
    keyboardInteractive(user),
    keyQuestion(user, alice),
    signedRequest(sessionId, 'bob@web1', alice), // for another than it is sent as: it would open the door
    infoResponse('123456'),
    infoResponse(),
    Buffer.concat([byte(51), string('publickey'), byte(1)]),
    byte(52),
    Buffer.concat([byte(1), uint32(2), string('bye'), string('')]),
    Buffer.concat([byte(7), uint32(1), string('server-sig-algs'), string('ssh-ed25519')]),
    Buffer.concat([byte(20), chance.bytes(16), ...Array.from({ length: 10 }, () => string('x,y')), byte(0), uint32(0)]),
    byte(21),
    Buffer.concat([byte(30), string(chance.bytes(32))]),
  ];
}

/** Valid messages of a session, by either side. */
function connectionMessages(): Buffer[] {
  const number = uint32(chance.of([0, 7]));
  return [
    openSession(1, 2 ** 21),
    confirm(1, 8),
    Buffer.concat([byte(92), number, uint32(1), string('no'), string('')]),
    Buffer.concat([byte(93), number, uint32(1000)]),
    Buffer.concat([byte(94), number, string('data')]),
    Buffer.concat([byte(95), number, uint32(1), string('data')]),
    Buffer.concat([byte(96), number]),
    Buffer.concat([byte(97), number]),
    Buffer.concat([byte(98), number, string('exec'), byte(1), string('true')]),
    Buffer.concat([
      byte(98),
      number,
      string('pty-req'),
      byte(1),
      string('xterm'),
      ...[80, 24, 0, 0].map(uint32),
      string(''),
    ]),
    Buffer.concat([byte(98), number, string('exit-status'), byte(0), uint32(1)]),
    Buffer.concat([byte(98), number, string('subsystem'), byte(1), string('sftp')]),
    Buffer.concat([byte(99), number]),
    Buffer.concat([byte(100), number]),
    Buffer.concat([byte(80), string('keepalive@openssh.com'), byte(1)]),
    Buffer.concat([byte(80), string('tcpip-forward'), byte(1), string(''), uint32(0)]),
    byte(81),
    byte(82),
  ];
}

function readAll(reader: WireReader | undefined): void {
  if (reader === undefined) return;
  while (reader.hasMore) reader.string();
}

/** With a few of its bytes changed, cut out, doubled, or replaced by a number that is large. */
function mutated(payload: Buffer): Buffer {
  let bytes = Buffer.from(payload);
  for (let i = chance.below(4); i >= 0; i--) {
    const at = chance.below(bytes.length + 1);
    const to = at + chance.below(8);
    const [head, middle, tail] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)];
    const large = uint32(chance.of([0, 1, 255, 35_000, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]));
    bytes = Buffer.concat(
      chance.of([
        [head, chance.bytes(middle.length), tail],
        [head, tail],
        [head, middle, middle, tail],
        [head, large, tail.subarray(Math.min(tail.length, 4))],
        [head],
        [head, middle, tail, chance.bytes(chance.below(100))],
      ]),
    );
  }
  return bytes.length === 0 ? byte(0) : bytes;
}

/** What a client of OpenSSH's says first, as far as it needs no answer. */
async function firstBytes(port: number): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1');
  const [kexInit] = (await once(
    socket.on('error', () => {}),
    'data',
  )) as [Buffer];
  socket.destroy();
  return Buffer.concat([Buffer.from('SSH-2.0-OpenSSH_9.9\r\n'), kexInit.subarray(kexInit.indexOf('\n') + 1)]);
}

/** The proxy has heard all that this peer has said. */
async function goneAfter(peer: RawPeer): Promise<void> {
  peer.socket.end();
  await peer.ended();
}

async function session(proxy: InProcess): Promise<{ peer: RawPeer; host: RawPeer }> {
  const peer = await rawStranger(proxy.port);
  peer.send(signedRequest(peer.transport.sessionId, user, proxy.alice));
  if ((await peer.next(51, 52))[0] === 51) {
    peer.send(keyboardInteractive(user));
    await peer.next(60);
    peer.send(infoResponse('123456'));
    await peer.next(52);
  }
  return { peer, host: await until('the host', () => proxy.host.peers.at(-1)) };
}

function openSession(number: number, window: number, maxPacket = 32_768): Buffer {
  return Buffer.concat([byte(90), string('session'), ...[number, window, maxPacket].map(uint32)]);
}

function confirm(client: number, host: number): Buffer {
  return Buffer.concat([byte(91), ...[client, host, 2 ** 21, 32_768].map(uint32)]);
}

function nobodyCameIn(t: Pick<Test, 'notOk'>, { lines }: InProcess): void {
  t.notOk(
    lines.some(line => line['event'] === 'session-start' || line['decision'] === 'allow'),
    `seed ${seed}`,
  );
}

/** Nothing was a surprise to the proxy, and the next one is let in. */
async function unharmed(t: Pick<Test, 'strictSame' | 'resolves'>, proxy: InProcess): Promise<void> {
  const surprises = proxy.lines.filter(({ text }) => typeof text === 'string' && text.startsWith('internal error'));
  t.strictSame(surprises, [], `seed ${seed}`);
  proxy.pass(600_000);
  await t.resolves(session(proxy), 'and others come in');
}
