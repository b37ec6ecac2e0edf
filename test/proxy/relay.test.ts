/** What the relay does with each message, without a network. */
import t from 'tap';
import { type Grant, usualGrant } from '../../src/policy/grant.ts';
import type { Ask } from '../../src/proxy/relay/allowed.ts';
import { type Leg, Relay } from '../../src/proxy/relay/relay.ts';
import { byte, string, uint32 } from '../../src/ssh/wire.ts';

const data = (recipient: number, text: string): Buffer => Buffer.concat([byte(94), uint32(recipient), string(text)]);
const extended = (recipient: number, text: string): Buffer =>
  Buffer.concat([byte(95), uint32(recipient), uint32(1), string(text)]);
const adjust = (recipient: number): Buffer => Buffer.concat([byte(93), uint32(recipient), uint32(100)]);
const eof = (recipient: number): Buffer => Buffer.concat([byte(96), uint32(recipient)]);
const close = (recipient: number): Buffer => Buffer.concat([byte(97), uint32(recipient)]);
const success = (recipient: number): Buffer => Buffer.concat([byte(99), uint32(recipient)]);
const failure = (recipient: number): Buffer => Buffer.concat([byte(100), uint32(recipient)]);

/** Number, recipient and reason of a message that opens no channel. */
const refusal = (payload: Buffer | undefined): number[] =>
  payload === undefined ? [] : [payload[0] ?? 0, payload.readUInt32BE(1), payload.readUInt32BE(5)];

class FakeLeg implements Leg {
  readonly sent: Buffer[] = [];
  isCongested = false;
  isPaused = false;
  ended: string | undefined;

  send(payload: Buffer): void {
    this.sent.push(payload);
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  disconnect(_reason: number, text: string): void {
    this.ended = text;
  }
}

t.test('a session: opened, asked for, used, ended and closed, each message as it came', async t => {
  const { relay, client, host } = between();
  relay.message('client', open(0));
  relay.message('host', confirm(0, 7));
  const messages = [request(7, 'pty-req', 1), request(7, 'exec', 1, string('id')), data(7, 'in'), adjust(7), eof(7)];
  for (const one of messages) relay.message('client', one);
  t.strictSame(host.sent.slice(1), messages);
  const back = [
    success(0),
    success(0),
    data(0, 'out'),
    extended(0, 'err'),
    request(0, 'exit-status', 0, uint32(3)),
    eof(0),
  ];
  for (const one of back) relay.message('host', one);
  t.strictSame(client.sent.slice(1), back);
  relay.message('host', close(0));
  relay.message('client', close(7));
  t.strictSame(host.sent.at(-1), close(7));
  t.equal(client.ended, undefined);
});

t.test('what is refused: the client hears it, and the host never does', async t => {
  for (const type of ['direct-tcpip', 'direct-streamlocal@openssh.com', 'tun@openssh.com', 'x11', '', 'constructor']) {
    const { relay, client, host } = between();
    relay.message('client', open(3, type));
    t.equal(host.sent.length, 0, type);
    t.strictSame(client.sent.map(refusal), [[92, 3, 1]]);
  }
  for (const type of ['tcpip-forward', 'cancel-tcpip-forward', 'streamlocal-forward@openssh.com', 'toString']) {
    const { relay, client, host } = between();
    relay.message('client', global(type, 1));
    relay.message('client', global(type, 0));
    t.equal(host.sent.length, 0, type);
    t.strictSame(client.sent, [byte(82)], 'one reply, to the one that wants it');
  }
  for (const [type, ...rest] of [
    ['auth-agent-req@openssh.com'],
    ['x11-req'],
    ['env', 'LD_PRELOAD'],
    ['env', 'LC_'],
    ['subsystem', 'netconf'],
    ['subsystem', 'sftp\0'],
    ['shell2'],
  ] as const) {
    const { relay, client, host, refused } = opened();
    relay.message('client', request(7, type, 1, ...rest.map(string)));
    t.equal(host.sent.length, 1, JSON.stringify([type, ...rest]));
    t.strictSame(client.sent.slice(1), [failure(0)]);
    t.match(refused, [{ kind: 'request', type }]);
  }
});

t.test('a host opens nothing, and asks for nothing that concerns a person', async t => {
  for (const type of ['auth-agent@openssh.com', 'x11', 'forwarded-tcpip', 'session']) {
    const { relay, client, host } = opened();
    relay.message('host', open(9, type));
    t.equal(client.sent.length, 1, type);
    t.strictSame(refusal(host.sent.at(-1)), [92, 9, 1]);
  }
  const { relay, client, host } = opened();
  relay.message('host', global('hostkeys-00@openssh.com', 0, string('a key')));
  relay.message('host', global('x@example.com', 1));
  relay.message('host', request(0, 'shell', 1));
  t.equal(client.sent.length, 1);
  t.strictSame(host.sent.slice(1), [byte(82), failure(7)]);
});

t.test('replies keep their order, whoever gives them', async t => {
  const { relay, client } = between();
  relay.message('client', global('keepalive@openssh.com', 1)); // the host's to answer
  relay.message('client', global('tcpip-forward', 1)); // ours
  relay.message('client', global('keepalive@openssh.com', 1));
  t.strictSame(client.sent, [], 'nothing before the first');
  relay.message('host', byte(81));
  t.strictSame(client.sent, [byte(81), byte(82)]);
  relay.message('host', byte(82));
  t.strictSame(client.sent, [byte(81), byte(82), byte(82)]);

  const one = opened();
  one.relay.message('client', request(7, 'pty-req', 1));
  one.relay.message('client', request(7, 'x11-req', 1));
  one.relay.message('client', request(7, 'shell', 1));
  one.relay.message('host', success(0));
  one.relay.message('host', success(0));
  t.strictSame(one.client.sent.slice(1), [success(0), failure(0), success(0)]);
});

t.test('files pass where they may, recorded or not', async t => {
  for (const [grant, passes] of [
    [usualGrant(true), true],
    [usualGrant(false), true],
    [{ ...usualGrant(true), fileTransfer: false }, false],
  ] as const) {
    const { relay, client, host } = opened(grant);
    relay.message('client', request(7, 'subsystem', 1, string('sftp')));
    t.equal(host.sent.length, passes ? 2 : 1);
    t.equal(client.sent.length, passes ? 1 : 2);
  }
});

t.test('what the tap cannot bear passes no more', async t => {
  const one = opened();
  one.tap.input = () => one.relay.end('the session cannot be recorded');
  one.relay.message('client', data(7, 'unseen'));
  t.equal(one.host.sent.length, 1);
  t.match([one.client.ended, one.host.ended], [/cannot be recorded/, /cannot be recorded/]);
});

t.test('a tap that is behind stops both sides, until it says so', async t => {
  const { relay, client, host, tap } = opened();
  tap.isCongested = true;
  relay.message('client', data(7, 'much'));
  relay.message('host', data(0, 'much'));
  t.strictSame([client.isPaused, host.isPaused], [true, true]);
  relay.drained('client');
  relay.drained('host');
  t.strictSame([client.isPaused, host.isPaused], [true, true], 'there is no room behind the tap');
  tap.isCongested = false;
  relay.tapDrained();
  t.strictSame([client.isPaused, host.isPaused], [false, false]);
});

t.test('protocol errors end both sides', async t => {
  for (const [what, from, message] of [
    ['data for no channel', 'client', data(8, 'x')],
    ['data from the host for no channel', 'host', data(1, 'x')],
    ['a reply to no request', 'client', success(7)],
    ['a reply to no request, of the host', 'host', byte(81)],
    ['a channel confirmed twice', 'host', confirm(0, 8)],
    ['a channel confirmed that nobody opened', 'host', confirm(5, 8)],
    ['a channel that is confirmed by the client', 'client', confirm(0, 8)],
    ['a channel with a number that is taken', 'client', open(0)],
    ['a message of authentication', 'host', byte(52)],
    ['a request cut short', 'client', Buffer.concat([byte(98), uint32(7), uint32(900)])],
    ['a channel cut short', 'client', Buffer.concat([byte(90), string('session'), byte(0)])],
    ['a message that is too short for a channel', 'client', byte(94)],
  ] as const) {
    const { relay, client, host } = opened();
    relay.message(from, message);
    t.match(client.ended, /protocol error/, what);
    t.match(host.ended, /protocol error/, what);
  }
});

t.test('what comes behind a close from the same side is not passed on', async t => {
  const { relay, host } = opened();
  relay.message('client', close(7));
  relay.message('client', data(7, 'late'));
  t.equal(host.sent.length, 2);
  relay.message('host', close(0));
  relay.message('client', data(7, 'later'));
  t.match(host.ended, /no channel/);
});

t.test('a hundred channels, and no more', async t => {
  const { relay, client, host } = between();
  for (let i = 0; i < 101; i++) relay.message('client', open(i));
  t.equal(host.sent.length, 100);
  t.strictSame(client.sent.map(refusal), [[92, 100, 4]]);
});

t.test('a side that is slow stops the other, and only that', async t => {
  const { relay, client, host } = opened();
  client.isCongested = true;
  relay.message('host', data(0, 'much'));
  t.ok(host.isPaused);
  t.notOk(client.isPaused);
  client.isCongested = false;
  relay.drained('client');
  t.notOk(host.isPaused);
});

t.test('packets larger than we take are asked of nobody', async t => {
  const { relay, client, host } = between();
  relay.message('client', open(0, 'session', 1 << 20));
  t.equal(host.sent[0]?.readUInt32BE(host.sent[0].length - 4), 32_768);
  relay.message('host', confirm(0, 7, 1 << 20));
  t.equal(client.sent[0]?.readUInt32BE(13), 32_768);
});

t.test('when one side is gone, the other is told', async t => {
  const { relay, client, host } = opened();
  relay.ended('host', { kind: 'peer', text: 'it \u001b[31mdied' });
  t.equal(client.ended, 'the host closed the connection: it ?[31mdied');
  t.ok(host.ended);
  relay.message('client', data(7, 'x'));
  t.equal(host.sent.length, 1, 'and nothing passes any more');
});

function between(grant = usualGrant(false)) {
  const [client, host] = [new FakeLeg(), new FakeLeg()];
  const refused: Ask[] = [];
  const tap = {
    isCongested: false,
    request: () => {},
    answered: () => {},
    input: () => {},
    output: () => {},
    ending: () => {},
    closed: () => {},
    refused: (ask: Ask) => refused.push(ask),
    violation: () => {},
  };
  const relay = new Relay(client, host, tap, grant);
  return { relay, client, host, refused, tap };
}

/** With a channel that is 0 to the client and 7 to the host. */
function opened(grant?: Grant) {
  const all = between(grant);
  all.relay.message('client', open(0));
  all.relay.message('host', confirm(0, 7));
  return all;
}

function open(sender: number, type = 'session', maxPacket = 32_768): Buffer {
  return Buffer.concat([byte(90), string(type), uint32(sender), uint32(2 ** 21), uint32(maxPacket)]);
}

function confirm(recipient: number, sender: number, maxPacket = 32_768): Buffer {
  return Buffer.concat([byte(91), ...[recipient, sender, 2 ** 21, maxPacket].map(uint32)]);
}

function request(recipient: number, type: string, wantReply: number, ...rest: Buffer[]): Buffer {
  return Buffer.concat([byte(98), uint32(recipient), string(type), byte(wantReply), ...rest]);
}

function global(type: string, wantReply: number, ...rest: Buffer[]): Buffer {
  return Buffer.concat([byte(80), string(type), byte(wantReply), ...rest]);
}
