/** A channel as a stream: windows both ways, ends, and a host in between that does not keep to the rules. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import t from 'tap';
import type { Transport } from '../../src/proxy/engine/transport.ts';
import { channelClose, channelData, channelEof, windowAdjust } from '../../src/proxy/messages/connection.ts';
import { Tunnel } from '../../src/proxy/upstream/tunnel.ts';
import { byte, string, uint32, WireReader } from '../../src/ssh/wire.ts';
import { until } from '../helpers/e2e/until.ts';

t.test('it asks for the address, and is open when the host says so', async t => {
  const { sent, tunnel } = made();
  const reader = new WireReader(sent[0] ?? Buffer.alloc(0));
  t.equal(reader.byte(), 90);
  t.equal(reader.text(), 'direct-tcpip');
  t.strictSame([reader.uint32(), reader.uint32(), reader.uint32()], [0, 2 ** 21, 32_768]);
  t.strictSame([reader.text(), reader.uint32()], ['web1', 22]);
  tunnel.listener.message(confirmation(100, 50));
  await tunnel.opened();
});

t.test('it sends no more than the window, in pieces that the host takes, and waits for the leg', async t => {
  const carrier = made();
  const { tunnel } = carrier;
  tunnel.listener.message(confirmation(100, 40));
  const bytes = randomBytes(300);
  tunnel.write(bytes.subarray(0, 250));
  tunnel.write(bytes.subarray(250));
  t.strictSame(
    dataOf(carrier).map(one => one.length),
    [40, 40, 20],
  );
  carrier.isCongested = true;
  tunnel.listener.message(windowAdjust(0, 1000));
  t.equal(dataOf(carrier).length, 3);
  carrier.isCongested = false;
  tunnel.listener.drained();
  await until('all of it', () => Buffer.concat(dataOf(carrier)).equals(bytes));
  tunnel.end();
  await until('the end', () => carrier.sent.some(one => one[0] === 96));
});

t.test('who does not read lets no more come than the window, and all of it arrives', async t => {
  const carrier = made();
  const { tunnel, sent } = carrier;
  tunnel.listener.message(confirmation(2 ** 21, 32_768));
  const bytes = randomBytes(3 * 2 ** 20);
  let [at, granted] = [0, 2 ** 21];
  const feed = (): void => {
    for (; at < Math.min(granted, bytes.length); at += 32_768)
      tunnel.listener.message(channelData(0, bytes.subarray(at, at + 32_768)));
  };
  feed();
  t.notOk(
    sent.some(one => one[0] === 93),
    'nothing is granted while nobody reads',
  );
  t.equal(tunnel.readableLength, 2 ** 21);
  carrier.onSend = payload => {
    if (payload[0] !== 93) return;
    granted += payload.readUInt32BE(5);
    setImmediate(feed);
  };
  const read = buffer(tunnel);
  await until('the last of it', () => at >= bytes.length);
  tunnel.listener.message(channelEof(0));
  t.ok((await read).equals(bytes));
});

t.test('what came before the host closed the channel is still read', async t => {
  for (const close of [channelClose(0), undefined]) {
    const { tunnel } = made();
    tunnel.listener.message(confirmation(100, 50));
    tunnel.listener.message(channelData(0, Buffer.from('last words')));
    if (close === undefined) tunnel.listener.closed({ kind: 'peer', text: 'gone' });
    else tunnel.listener.message(close);
    t.equal((await buffer(tunnel)).toString(), 'last words');
  }
});

t.test('a host that does not open it says why, cleaned', async t => {
  const { tunnel } = made();
  tunnel.on('error', () => {});
  const failure = Buffer.concat([byte(92), uint32(0), uint32(2), string('no \u001b[31mroute'), string('')]);
  tunnel.listener.message(failure);
  await t.rejects(tunnel.opened(), /no connection to web1:22 from there: no \?\[31mroute/);
});

for (const [what, payloads] of [
  ['sends more than the window', Array.from({ length: 65 }, () => channelData(0, Buffer.alloc(32_768)))],
  ['speaks of a channel that there is not', [channelData(7, Buffer.from('x'))]],
  ['sends after the end', [channelEof(0), channelData(0, Buffer.from('x'))]],
  ['grants more than there can be', [windowAdjust(0, 0xffffffff)]],
  ['confirms twice', [confirmation(1, 1)]],
  ['sends a message that is none of ours', [byte(81)]],
] as const)
  t.test(`a host that ${what} is left`, async t => {
    const carrier = made();
    carrier.tunnel.listener.message(confirmation(100, 50));
    const failed = once(carrier.tunnel, 'error');
    for (const payload of payloads) carrier.tunnel.listener.message(payload);
    t.match(await failed, [{ message: /broke the protocol/ }]);
    t.ok(carrier.isDisconnected);
  });

t.test('nothing is opened towards the proxy, and what is asked has its answer', async t => {
  const { sent, tunnel } = made();
  tunnel.listener.message(confirmation(100, 50));
  tunnel.listener.message(Buffer.concat([byte(90), string('auth-agent@openssh.com'), ...[3, 100, 100].map(uint32)]));
  tunnel.listener.message(Buffer.concat([byte(80), string('keepalive@openssh.com'), byte(1)]));
  tunnel.listener.message(Buffer.concat([byte(98), uint32(0), string('keepalive@openssh.com'), byte(1)]));
  t.strictSame(
    sent.slice(1).map(one => one[0]),
    [92, 82, 100],
  );
});

t.test('a host that asks without end and takes no answers is left', t => {
  const carrier = made();
  carrier.tunnel.on('error', () => {});
  carrier.tunnel.listener.message(confirmation(100, 50));
  carrier.isCongested = true;
  carrier.tunnel.listener.message(Buffer.concat([byte(80), string('keepalive@openssh.com'), byte(1)]));
  t.ok(carrier.isDisconnected);
  t.end();
});

interface Carrier {
  readonly sent: Buffer[];
  readonly tunnel: Tunnel;
  isCongested: boolean;
  isDisconnected: boolean;
  onSend: (payload: Buffer) => void;
}

/** Over a leg that only keeps what is sent. */
function made(): Carrier {
  const sent: Buffer[] = [];
  const nothing: Carrier['onSend'] = () => {};
  const carrier = { sent, isCongested: false, isDisconnected: false, onSend: nothing };
  const leg: Pick<Transport, 'send' | 'disconnect' | 'isCongested'> = {
    get isCongested() {
      return carrier.isCongested;
    },
    send: payload => {
      sent.push(payload);
      carrier.onSend(payload);
    },
    disconnect: () => {
      carrier.isDisconnected = true;
    },
  };
  return Object.assign(carrier, { tunnel: new Tunnel(leg, 'web1', 22) });
}

function confirmation(window: number, maxPacket: number): Buffer {
  return Buffer.concat([byte(91), ...[0, 5, window, maxPacket].map(uint32)]);
}

function dataOf({ sent }: Carrier): Buffer[] {
  return sent.flatMap(payload => (payload[0] === 94 ? [payload.subarray(9)] : []));
}
