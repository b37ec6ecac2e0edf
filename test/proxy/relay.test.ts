/** What the relay does with each message, without a network. */
import t from 'tap';
import { usualGrant } from '../../src/policy/grant.ts';
import { byte, string, uint32 } from '../../src/ssh/wire.ts';
import { until } from '../helpers/e2e/until.ts';
import {
  adjust,
  between,
  close,
  confirm,
  data,
  eof,
  extended,
  failure,
  global,
  open,
  openBy,
  opened,
  refusal,
  request,
  success,
} from './between.ts';

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
  for (const type of ['session2', 'tun@openssh.com', 'x11', 'auth-agent@openssh.com', '', 'constructor']) {
    const { relay, client, host } = between();
    relay.message('client', open(3, type));
    t.equal(host.sent.length, 0, type);
    t.strictSame(client.sent.map(refusal), [[92, 3, 1]]);
  }
  for (const type of ['hostkeys-prove-00@openssh.com', 'keepalive', 'toString']) {
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
  for (const type of ['auth-agent@openssh.com', 'x11', 'direct-tcpip', 'session']) {
    const { relay, client, host } = opened();
    relay.message('host', open(9, type, string('localhost'), uint32(22)));
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
  relay.message('client', global('x@example.com', 1)); // ours
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
    t.equal(
      host.sent.some(one => one[0] === 98),
      passes,
    );
    t.equal(
      client.sent.some(one => one[0] === 97),
      !passes,
      'who may not is turned away',
    );
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

t.test('whoever may not run it is told on standard error, as by a program that ends there', async t => {
  for (const [type, name, more, says] of [
    ['shell', undefined, { shell: false }, /gives no shell/],
    ['exec', 'id', { commands: [] }, /does not permit this command/],
    ['exec', 'scp -t x', { fileTransfer: false }, /does not permit file transfer/],
    ['subsystem', 'sftp', { fileTransfer: false }, /does not permit file transfer/],
  ] as const) {
    const { relay, client, host, refused } = opened({ ...usualGrant(false), ...more });
    const words = name === undefined ? [] : [string(name)];
    relay.message('client', request(7, 'pty-req', 1));
    relay.message('client', request(7, type, 1, ...words));
    t.equal(client.sent.length, 1, 'nothing before the host has replied to what came first');
    relay.message('host', success(0));
    const [, pty, started, text, ...end] = client.sent;
    t.strictSame([pty, started], [success(0), success(0)]);
    t.strictSame(text?.subarray(0, 9), Buffer.concat([byte(95), uint32(0), uint32(1)]));
    t.match(text?.toString(), says);
    t.strictSame(end, [request(0, 'exit-status', 0, uint32(77)), eof(0), close(0)]);
    t.strictSame(host.sent.slice(2), [close(7)]);
    t.match(refused, [{ type, ...(name !== undefined && { name }) }]);

    relay.message('client', data(7, 'late'));
    relay.message('host', data(0, 'late'));
    relay.message('host', close(0));
    relay.message('client', close(7));
    t.strictSame([client.sent.length, host.sent.length], [7, 3], 'nothing passes any more');
    t.equal(client.ended, undefined, 'and the connection lives');
    relay.message('client', open(0));
    t.equal(host.sent.length, 4, 'its number is free again');
  }
});

t.test('where that would break the protocol, a refusal is a failure', async t => {
  const narrow = between({ ...usualGrant(false), shell: false });
  narrow.relay.message('client', Buffer.concat([byte(90), string('session'), uint32(0), uint32(10), uint32(32_768)]));
  narrow.relay.message('host', confirm(0, 7));
  narrow.relay.message('client', request(7, 'shell', 1));
  t.strictSame(narrow.client.sent.slice(1), [failure(0)], 'no room for a word');

  const used = opened({ ...usualGrant(false), shell: false });
  used.relay.message('client', request(7, 'exec', 1, string('id')));
  used.relay.message('host', success(0));
  used.relay.message('client', request(7, 'shell', 1));
  t.strictSame(used.client.sent.slice(1), [success(0), failure(0)], 'something else runs there');
  t.strictSame(used.host.sent.length, 2);

  const silent = opened({ ...usualGrant(false), shell: false });
  silent.relay.message('client', request(7, 'shell', 0));
  t.equal(silent.client.sent[1]?.[0], 95, 'no reply to what wants none');
});

t.test('refusals that wait for their turn are bounded', async t => {
  const { relay, client } = opened({ ...usualGrant(false), commands: [] });
  relay.message('client', request(7, 'pty-req', 1));
  for (let i = 0; i < 2000; i++) relay.message('client', request(7, 'exec', i % 2, string('id')));
  t.match(client.ended, /too many requests/);
});

t.test('a session that has lasted too long ends with a word on every terminal', async t => {
  const { relay, client, host } = opened({ ...usualGrant(false), sessionMs: 1000 });
  relay.message('client', request(7, 'shell', 1));
  relay.message('client', open(1));
  relay.message('host', confirm(1, 8));
  await until('the end', () => client.ended !== undefined);
  const says = 'The session has lasted as long as it may: 1 second.';
  t.equal(client.ended, says);
  t.equal(host.ended, says);
  const told = client.sent.filter(payload => payload[0] === 95);
  t.strictSame(told, [extended(0, `\r\n${says}\r\n`)], 'where something runs');
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

t.test('a signal, and room for more, while the other side closes already', async t => {
  const { relay, client, host } = opened();
  relay.message('host', close(0));
  for (const late of [request(7, 'signal', 0, string('TERM')), adjust(7), close(7)]) {
    relay.message('client', late);
    t.strictSame(host.sent.at(-1), late);
  }
  t.equal(client.ended, undefined);
});

t.test('so many channels, and no more', async t => {
  const { relay, client, host } = between();
  for (let i = 0; i < 257; i++) relay.message('client', open(i));
  t.equal(host.sent.length, 256);
  t.strictSame(client.sent.map(refusal), [[92, 256, 4]]);
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
  relay.message('client', openBy({ sender: 0, type: 'session', maxPacket: 1 << 20 }));
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

t.test('whoever takes no answers is not read until they do', async t => {
  const asking = [
    ['client', global('nobody@example.com', 1)],
    ['client', open(9, 'nobody@example.com')],
    ['client', request(7, 'nobody@example.com', 1)],
    ['client', request(7, 'subsystem', 1, string('sftp'))],
    ['host', global('nobody@example.com', 1)],
    ['host', open(9, 'nobody@example.com')],
    ['host', request(0, 'nobody@example.com', 1)],
  ] as const;
  for (const [from, message] of asking) {
    const { relay, ...legs } = opened({ ...usualGrant(false), fileTransfer: false });
    const leg = legs[from];
    leg.isCongested = true;
    relay.message(from, message);
    t.ok(leg.sent.length > 0 && leg.isPaused, `${from} ${message.toString('latin1', 5, 28)}`);
    leg.isCongested = false;
    relay.drained(from);
    t.notOk(leg.isPaused);
  }
});
