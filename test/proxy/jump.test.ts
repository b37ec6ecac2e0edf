/** A connection that came to jump: where it may lead, what passes, and what it costs when one side is slow or lies. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Test } from 'tap';
import t from 'tap';
import type { ProxyService } from '../../src/config/config.ts';
import type { Grant } from '../../src/policy/grant.ts';
import { destinationOf } from '../../src/proxy/jump/destination.ts';
import { Jump } from '../../src/proxy/jump/jump.ts';
import { channelData, windowAdjust } from '../../src/proxy/messages/connection.ts';
import { dial } from '../../src/proxy/upstream/dial.ts';
import { byte, string, uint32 } from '../../src/ssh/wire.ts';
import { until } from '../helpers/e2e/until.ts';
import { entryRule } from '../helpers/entry-rule.ts';
import { proxyService } from '../helpers/proxy-service.ts';
import { adjust, close, data, deafTap, eof, FakeLeg, global, granting, open, openBy, request } from './between.ts';
import { type InProcess, type InProcessOptions, inProcess } from './in-process.ts';
import { infoResponse, keyboardInteractive, type RawPeer, rawStranger, signedRequest } from './raw-peer.ts';

const service = { ...proxyService, host: '127.0.0.1', serviceID: 'ID' };
const jumper = granting({ jump: true });

t.test('where a jump leads: to services by name or by configured address, and nowhere else', async t => {
  const at = (name: string, host: string, port = 22): ProxyService => ({ ...service, name, host, port });
  const all = [
    at('web1', '10.0.0.5'),
    at('web2', '10.0.0.6', 2022),
    at('Web3', '10.0.0.7'),
    at('six', 'fd00::5'),
    at('named', 'db.example.com'),
    at('strange', '10.0.0.10'),
    at('denied', '10.0.0.8'),
    at('recorded', '10.0.0.9'),
    at('beside', '10.0.0.9'),
    at('open', '10.0.0.11'),
    at('closed', '10.0.0.11'),
    ...['approved', 'listed', 'fileless', 'shellless'].map((name, i) => at(name, `10.0.1.${i}`)),
  ];
  const grants: Readonly<Record<string, readonly Grant[]>> = {
    strange: [],
    denied: [granting({ local: ['*'] }), granting({})],
    // On one account, and on another.
    recorded: [jumper, granting({}, true)],
    approved: [{ ...granting({}), approvalMs: 60_000 }, jumper],
    listed: [jumper, { ...granting({}), commands: ['id'] }],
    fileless: [{ ...jumper, fileTransfer: false }],
    shellless: [jumper, { ...granting({}), shell: false }],
  };
  const rules = {
    services: new Map(all.map(one => [one.name, one])),
    grantsFor: ({ name }: ProxyService) => grants[name] ?? [jumper],
    isPartlyClosed: ({ name }: ProxyService) => name === 'closed',
  };
  for (const [host, port, leadsTo] of [
    ['web1', 22, 'web1'],
    ['10.0.0.5', 22, 'web1'],
    ['web2', 22, 'web2'],
    ['web2', 2022, 'web2'],
    ['10.0.0.6', 2022, 'web2'],
    ['web3', 22, 'Web3'],
    ['fd00::5', 22, 'six'],
    ['DB.example.com', 22, 'named'],
  ] as const)
    t.match(destinationOf({ host, port }, rules), { service: { name: leadsTo } }, `${host}:${port}`);
  for (const [host, port] of [
    ['strange', 22],
    ['10.0.0.10', 22],
    ['web1', 0],
    ['web1', 80],
    ['web1', 65_536 + 22],
    ['web1.', 22],
    ['web1\0', 22],
    ['web1 ', 22],
    ['', 22],
    ['constructor', 22],
    ['10.0.0.5', 0],
    ['10.0.0.5', 2022],
    ['10.0.0.6', 22],
    ['10.0.0.05', 22],
    ['10.5', 22],
    ['167772165', 22],
    ['::ffff:10.0.0.5', 22],
    ['fd00:0::5', 22],
    ['FD00:0000:0:0:0:0:0:5', 22],
    ['fd00::5%eth0', 22],
    ['[fd00::5]', 22],
    ['localhost', 22],
    ['127.0.0.1', 22],
    ['::1', 22],
    ['0.0.0.0', 22],
    ['169.254.169.254', 80],
    ['db.example.com.', 22],
    ['10.0.0.5@web1', 22],
    ['\u0077\u0435b1', 22],
  ] as const)
    t.match(destinationOf({ host, port }, rules), /^there is no service .* for you here$/, `${host}:${port}`);
  t.match(
    destinationOf({ host: 'denied', port: 22 }, rules),
    'policy does not let you jump to denied: say ssh ACCOUNT@denied@PROXY',
  );
  t.match(destinationOf({ host: 'approved', port: 22 }, rules), /approved takes an approval, which a jump cannot/);
  for (const host of ['listed', 'fileless', 'shellless'])
    t.match(destinationOf({ host, port: 22 }, rules), new RegExp(`${host} is limited to what you may do there`));
  for (const host of ['closed', 'open', '10.0.0.11'])
    t.match(destinationOf({ host, port: 22 }, rules), /^closed is not open to you now with each account, /, host);
  for (const host of ['recorded', 'beside', '10.0.0.9'])
    t.match(destinationOf({ host, port: 22 }, rules), /recorded is recorded, which a jump cannot be: say ssh/, host);
});

t.test('the shortest limit of those that could hold', async t => {
  const rules = {
    services: new Map([['web1', service]]),
    grantsFor: () => [jumper, { ...jumper, idleMs: 5_000, sessionMs: 60_000 }, { ...granting({}), sessionMs: 30_000 }],
    isPartlyClosed: () => false,
  };
  t.match(destinationOf({ host: 'web1', port: 22 }, rules), { idleMs: 5_000, sessionMs: 30_000 });
  t.match(destinationOf({ host: 'web1', port: 22 }, { ...rules, grantsFor: () => [jumper] }), {
    idleMs: 0,
    sessionMs: 0,
  });
});

t.test('a connection that has lasted as long as it may ends; those beside it do not', async t => {
  const there = await listening(t, socket => socket.pipe(socket));
  const { proxy, peer } = await jumping(t, there.port, {
    others: [{ name: 'brief', host: 'localhost', port: there.port }],
    grantFor: ({ name }) => ({ ...jumper, sessionMs: name === 'brief' ? 1000 : 0 }),
  });
  const far = await opened(peer, 0, 'web1');
  const brief = await opened(peer, 1, 'brief');
  t.strictSame((await peer.next(97)).readUInt32BE(1), 1);
  peer.send(close(brief.number));
  const line = await until('its end', () => proxy.lines.find(({ event }) => event === 'channel-end'));
  t.match(line, { channel: 1, why: /The session has lasted as long as it may/ });
  peer.send(channelData(far.number, Buffer.from('still here')));
  await until('the echo', () => received(peer).toString() === 'still here');
});

t.test('a limit counts from the login: no second connection goes on where the first had to end', async t => {
  const there = await listening(t, socket => socket.pipe(socket));
  const granted = [jumper];
  const { jump, leg } = alone(t, there.port, dial, granted);
  jump.message(openTo(5, 'web1', 22));
  await until('the channel', () => leg.sent.some(one => one[0] === 91));
  granted[0] = { ...jumper, sessionMs: 1 };
  jump.message(openTo(6, 'web1', 22));
  t.match(leg.sent.at(-1)?.toString(), /your login at the proxy is too old for that: log in again/);
  t.equal(leg.ended, undefined, 'something is open');
  jump.message(close(0));
  await until('the connection to be gone', () => {
    jump.message(openTo(6, 'web1', 22));
    return leg.ended;
  });
  t.match(leg.ended, /log in again/, 'a login that leads nowhere any more is not kept');
});

t.test('a login in which nothing has passed for too long opens nothing', async t => {
  const there = await listening(t, socket => socket.pipe(socket));
  const { jump, leg } = alone(t, there.port, dial, [{ ...jumper, idleMs: 1 }]);
  const began = performance.now();
  await until('a while', () => performance.now() - began > 1);
  jump.message(openTo(5, 'web1', 22));
  t.match(leg.ended, /log in again/);
});

t.test('a limit that comes when the client has closed says nothing more', async t => {
  const { jump, leg } = alone(t, 22, async () => await Promise.resolve(stuck as unknown as Socket), [
    { ...jumper, sessionMs: 1_000 },
  ]);
  const stuck = new StuckSocket();
  jump.message(openTo(5, 'web1', 22));
  await until('the channel', () => leg.sent.some(one => one[0] === 91));
  jump.message(channelData(0, Buffer.from('never taken')));
  jump.message(close(0));
  await until('the limit', () => stuck.destroyed);
  t.strictSame(
    leg.sent.map(one => one[0]).filter(kind => kind === 96 || kind === 97),
    [97],
  );
});

t.test('a service behind another host is not where a jump leads', async t => {
  const inner = { ...service, name: 'inner', via: { service, account: 'way' } };
  const rules = { services: new Map([['inner', inner]]), grantsFor: () => [jumper], isPartlyClosed: () => false };
  t.match(destinationOf({ host: 'inner', port: 22 }, rules), /^inner is reached over another host/);
});

t.test('names that differ in case only: each by its own spelling', async t => {
  const both = ['DB', 'db'].map((name, i) => ({ ...service, name, host: `10.0.0.${i}` }));
  const rules = {
    services: new Map(both.map(one => [one.name, one])),
    grantsFor: () => [jumper],
    isPartlyClosed: () => false,
  };
  t.match(destinationOf({ host: 'DB', port: 22 }, rules), { service: { host: '10.0.0.0' } });
  t.match(destinationOf({ host: 'db', port: 22 }, rules), { service: { host: '10.0.0.1' } });
  t.match(destinationOf({ host: 'Db', port: 22 }, rules), /no service/);
});

t.test('the login: first factor and second as ever, as the proxy itself, and then no host is called', async t => {
  for (const [user, account] of [
    ['jump', 'jump'],
    ['alice@jump', 'alice'],
    ['alice+jump', 'alice'],
  ] as const) {
    const proxy = await inProcess(t, { service: { serviceID: 'of-web1' } });
    const peer = await logIn(proxy, user);
    await peer.next(52);
    t.match(
      proxy.lines.find(line => line['event'] === 'decision'),
      { account, target: 'jump', person: 'alice@example.com', decision: 'allow', factor: 'totp' },
    );
    t.match(
      proxy.lines.find(line => line['event'] === 'session-start'),
      { account, target: 'jump' },
    );
    t.strictSame(proxy.askedAs, ['ID'], 'the service ID at the top of the configuration');
    t.equal(proxy.host.peers.length, 0);
  }
});

t.test('the word may be typed where the service is asked for', async t => {
  const proxy = await inProcess(t);
  const peer = await rawStranger(proxy.port);
  peer.send(signedRequest(peer.transport.sessionId, 'alice', proxy.alice));
  await peer.next(51);
  peer.send(keyboardInteractive('alice'));
  t.match((await peer.next(60)).toString(), /Choose Service/);
  peer.send(infoResponse('jump'));
  t.match((await peer.next(60)).toString(), /Enter OTP/);
  peer.send(infoResponse('123456'));
  await peer.next(52);
  t.match(
    proxy.lines.find(line => line['event'] === 'decision'),
    { account: 'alice', target: 'jump' },
  );
});

t.test('without the second factor nobody jumps; within a grace the key is enough', async t => {
  const proxy = await inProcess(t, { graceMs: 60_000 });
  const wrong = await logIn(proxy, 'jump', '000000');
  t.match((await wrong.next(60)).toString(), /wrong|incorrect|again|code/i);
  wrong.socket.destroy();
  t.notOk(proxy.lines.some(line => line['event'] === 'session-start'));
  await (await logIn(proxy, 'jump')).next(52);
  const again = await rawStranger(proxy.port);
  again.send(signedRequest(again.transport.sessionId, 'jump', proxy.alice));
  await again.next(52);
  const other = await rawStranger(proxy.port);
  other.send(signedRequest(other.transport.sessionId, 'alice@web1', proxy.alice));
  t.equal((await other.next(51)).at(-1), 1, 'a grace for jumps is none for a service');
});

t.test('five megabytes there, an answer back, each way closed by itself, and all of it in the log', async t => {
  const there = await listening(t, socket => {
    const hash = createHash('sha256');
    socket.on('data', chunk => hash.update(chunk)).on('end', () => socket.end(hash.digest()));
  });
  const { proxy, peer } = await jumping(t, there.port);
  const far = await opened(peer, 0, 'web1');
  const sent = randomBytes(5_000_000); // more than two windows
  for (let at = 0; at < sent.length; ) {
    const room = await until('room', () => Math.min(30_000, far.window() - at) || undefined);
    peer.send(channelData(far.number, sent.subarray(at, at + room)));
    at += room;
  }
  peer.send(eof(far.number));
  await peer.next(97);
  t.strictSame(received(peer), createHash('sha256').update(sent).digest());
  const kinds = peer.messages.map(one => one[0]).filter(kind => kind === 94 || kind === 96 || kind === 97);
  t.strictSame(kinds, [94, 96, 97], 'what was said, the end of it, and the end of all');
  peer.send(close(far.number));
  const events = await until('the end in the log', () =>
    proxy.lines.some(line => line['event'] === 'channel-end') ? proxy.lines : undefined,
  );
  t.match(
    events.filter(line => String(line['event']).startsWith('channel')),
    [
      {
        event: 'channel-start',
        kind: 'jump',
        place: 'web1:22',
        leadsTo: 'web1',
        from: 'client',
        target: 'jump',
      },
      { event: 'channel-end', channel: 0, clientBytes: 5_000_000, hostBytes: 32 },
    ],
  );
});

t.test('a client gets as much as it has made room for, in packets of its size', async t => {
  const there = await listening(t, socket => socket.end(Buffer.alloc(1_000_000, 'x')));
  const { peer } = await jumping(t, there.port);
  peer.send(byte(90), string('direct-tcpip'), ...[0, 100_000, 999].map(uint32), ...to('web1', 22));
  const confirmation = await peer.next(91);
  await until('what there is room for', () => received(peer).length === 100_000);
  await answered(peer);
  t.equal(received(peer).length, 100_000, 'and no more');
  t.equal(Math.max(...dataOf(peer).map(one => one.length)), 999);
  peer.send(windowAdjust(confirmation.readUInt32BE(5), 2_000_000));
  await peer.next(96);
  t.equal(received(peer).length, 1_000_000, 'the rest comes when there is room');
});

t.test('the address is the configured one, at the port that it has', async t => {
  const there = await listening(t, socket => socket.end('here'));
  const { peer } = await jumping(t, there.port);
  await opened(peer, 0, 'web1', 22); // the usual port, which is not the one it has
  await until('its words', () => received(peer).toString() === 'here');
  await opened(peer, 1, '127.0.0.1', there.port);
});

t.test('what is refused: sessions, other kinds, other places, each with words; and the rest goes on', async t => {
  const there = await listening(t, socket => socket.pipe(socket));
  const { proxy, peer } = await jumping(t, there.port, {
    others: [{ name: 'denied' }, { name: 'kept', host: '127.0.0.2', port: 22 }],
    grantFor: ({ name }) => granting({ jump: name !== 'denied' }, name === 'kept'),
  });
  for (const [message, words] of [
    [open(1), /this connection is for jumps: say ssh -J PROXY SERVICE, or .*ssh ACCOUNT@SERVICE@PROXY/],
    [open(1, 'x11', string('127.0.0.1'), uint32(1)), /for jumps/],
    [open(1, 'direct-streamlocal@openssh.com', string('/run/x'), string(''), uint32(0)), /for jumps/],
    [openTo(1, '127.0.0.1', 22), /there is no service 127\.0\.0\.1:22 for you here/],
    [openTo(1, 'x\u001b[2J', 22), /there is no service x\?\[2J:22 for you here/],
    [openTo(1, 'denied', 22), /policy does not let you jump to denied: say ssh ACCOUNT@denied@PROXY/],
    [openTo(1, 'kept', 22), /kept is recorded, which a jump cannot be: say ssh ACCOUNT@kept@PROXY/],
  ] as const) {
    peer.send(message);
    const failure = await peer.next(92);
    t.equal(failure.readUInt32BE(5), 1, 'prohibited');
    t.match(failure.toString(), words);
  }
  for (const type of ['tcpip-forward', 'streamlocal-forward@openssh.com']) {
    peer.send(global(type, 1, string(''), uint32(0)));
    await peer.next(82);
  }
  const refusals = proxy.lines.filter(line => line['event'] === 'channel-refused');
  t.equal(refusals.length, 9);
  t.match(refusals[5], { type: 'direct-tcpip', name: 'denied:22', why: /policy does not let you jump/ });
  const far = await opened(peer, 1, 'web1');
  peer.send(request(far.number, 'exec', 1, string('id')));
  await peer.next(100);
  peer.send(channelData(far.number, Buffer.from('still here')));
  await until('the echo', () => received(peer, 1).toString() === 'still here');
});

t.test('a service that does not answer', async t => {
  const there = await listening(t, () => {});
  const { proxy, peer } = await jumping(t, there.port);
  await there.stop();
  peer.send(openTo(0, 'web1', 22));
  const failure = await peer.next(92);
  t.equal(failure.readUInt32BE(5), 2);
  t.match(failure.toString(), /web1 does not answer/);
  t.match(
    proxy.lines.find(line => line['event'] === 'channel-failed'),
    { leadsTo: 'web1', why: /ECONNREFUSED/ },
  );
  peer.send(openTo(0, 'web1', 22)); // the number is free again
  await peer.next(92);
});

t.test('many channels at once: each has its own bytes; one too many is refused', async t => {
  const there = await listening(t, socket => socket.pipe(socket));
  const { peer } = await jumping(t, there.port);
  const all: Far[] = [];
  for (let i = 0; i < 100; i++) all.push(await opened(peer, i, 'web1'));
  peer.send(openTo(100, 'web1', 22));
  t.equal((await peer.next(92)).readUInt32BE(5), 4);
  for (const [i, { number }] of all.entries()) peer.send(channelData(number, Buffer.from(`I am ${i}`)));
  await until('all echoes', () => all.every((_, i) => received(peer, i).toString() === `I am ${i}`));
  peer.send(close(all[3]?.number ?? 0));
  await peer.next(97);
  await opened(peer, 100, 'web1');
});

t.test('when the client goes, so do its connections, and the log says how much they had', async t => {
  const there = await listening(t, socket => socket.resume().write('greeting'));
  const { proxy, peer } = await jumping(t, there.port);
  await opened(peer, 0, 'web1');
  await until('its greeting', () => received(peer).length === 8);
  peer.socket.destroy();
  await until('its end there', () => there.sockets[0]?.readableEnded);
  await until('the end', () => proxy.lines.find(line => line['event'] === 'session-end'));
  t.match(
    proxy.lines.find(line => line['event'] === 'channel-end'),
    { channel: 0, clientBytes: 0, hostBytes: 8 },
  );
});

t.test('hours and networks of one account are not got round by a jump for another', async t => {
  const there = await listening(t, socket => socket.resume());
  for (const [terms, refusal] of [
    [{ hours: { spans: [] } }, /web1 is not open to you now with each account/],
    [{ networks: '192.0.2.0/24' }, /web1 is not open to you now with each account/],
    [{ lastDay: '2020-01-01' }, undefined],
    [{ people: ['bob@example.com'], hours: { spans: [] } }, undefined],
  ] as const) {
    const root = { ...entryRule, name: 'root', accounts: ['root'], ...terms };
    const deploy = { ...entryRule, name: 'deploy', accounts: ['deploy'], grant: jumper };
    const proxy = await inProcess(t, {
      service: { port: there.port, accounts: ['deploy', 'root'] },
      proxy: { entry: { groups: new Map(), rules: [root, deploy] } },
    });
    const peer = await logIn(proxy, 'jump');
    await peer.next(52);
    peer.send(openTo(0, 'web1', 22));
    if (refusal === undefined) await peer.next(91);
    else t.match((await peer.next(92)).toString(), refusal);
  }
});

t.test('a log that cannot be written: the connection is not there for the client', async t => {
  const there = await listening(t, socket => socket.resume());
  const { peer } = await jumping(t, there.port, { cannotNote: 'channel-start' });
  peer.send(openTo(0, 'web1', 22));
  t.match(await peer.ended(), { text: /internal error/ });
  await until('its end there', () => there.sockets[0]?.readableEnded);
});

t.test('windows: large for a few, small for many, and a host that does not read keeps what it holds', async t => {
  const sockets: StuckSocket[] = [];
  const { jump, leg } = alone(t, 22, async () => {
    const socket = new StuckSocket();
    sockets.push(socket);
    return await Promise.resolve(socket as unknown as Socket);
  });
  const open = async (number: number): Promise<number> => {
    leg.sent.splice(0);
    jump.message(openTo(number, 'web1', 22));
    const [answer] = await until('an answer', () => (leg.sent.length > 0 ? leg.sent : undefined));
    return answer?.[0] === 91 ? answer.readUInt32BE(9) : 0;
  };
  const windows: number[] = [];
  for (let i = 0; i < 100; i++) windows.push(await open(i));
  t.strictSame(
    windows,
    Array.from({ length: 100 }, (_, i) => (i < 8 ? 2 : 0.25) * 1024 * 1024),
  );
  for (let i = 0; i < 8; i++) jump.message(channelData(i, Buffer.alloc(30_000)));
  for (let i = 0; i < 100; i++) jump.message(close(i));
  t.equal(await open(100), 0, 'closed by the client, and not gone yet');
  sockets[3]?.destroy();
  await until('one to be gone', async () => (await open(100)) > 0);
});

t.test('protocol errors end it', async t => {
  const there = await listening(t, socket => socket.pause());
  for (const [what, ...messages] of [
    ['more than the window', ...Array.from({ length: 2000 }, () => channelData(0, Buffer.alloc(32_768)))],
    ['a window larger than can be', windowAdjust(0, 0xffff_ffff)],
    ['data for no channel', data(1, 'x')],
    ['data that is cut short', Buffer.concat([byte(94), uint32(0), uint32(9)])],
    ['data of another kind', Buffer.concat([byte(95), uint32(0), uint32(1), string('x')])],
    ['a channel with a number that is taken', openTo(5, 'web1', 22)],
    ['packets of no size', openBy({ sender: 6, type: 'direct-tcpip', maxPacket: 0 }, ...to('web1', 22))],
    ['a channel cut short', Buffer.concat([byte(90), string('direct-tcpip'), uint32(6)])],
    ['a confirmation of what nobody opened', Buffer.concat([byte(91), ...[0, 0, 1, 1].map(uint32)])],
    ['a reply to no request', byte(81)],
    ['an authentication', byte(50)],
  ] as const) {
    const { jump, leg } = alone(t, there.port);
    jump.message(openTo(5, 'web1', 22));
    await until('the channel', () => leg.sent.some(one => one[0] === 91));
    for (const message of messages) jump.message(message);
    t.match(leg.ended, /protocol error by the client/, what);
  }
});

t.test('a client that takes no answers is not read until it does', async t => {
  const there = await listening(t, socket => socket.resume());
  const { jump, leg } = alone(t, there.port);
  jump.message(openTo(5, 'web1', 22));
  await until('the channel', () => leg.sent.some(one => one[0] === 91));
  for (const message of [
    global('nobody@example.com', 1),
    open(9),
    openTo(9, 'nowhere', 22),
    request(0, 'nobody@example.com', 1),
  ]) {
    leg.isCongested = true;
    jump.message(message);
    t.ok(leg.isPaused, message.toString('latin1', 5, 28));
    leg.isCongested = false;
    jump.drained();
    t.notOk(leg.isPaused);
  }
});

t.test('a number is taken while its connection is on the way; who has gone meanwhile leaves none behind', async t => {
  const there = await listening(t, () => {});
  const first = alone(t, there.port);
  first.jump.message(openTo(5, 'web1', 22));
  first.jump.message(openTo(5, 'web1', 22));
  t.match(first.leg.ended, /the number of another/);
  await until('the connection to be given up', () => there.sockets.every(socket => socket.destroyed));
  t.notOk(first.leg.sent.some(one => one[0] === 91));
});

t.test("what comes behind a close is nobody's", async t => {
  const there = await listening(t, socket => socket.pipe(socket));
  const { jump, leg } = alone(t, there.port);
  jump.message(openTo(5, 'web1', 22));
  await until('the channel', () => leg.sent.some(one => one[0] === 91));
  jump.message(close(0));
  t.strictSame(leg.sent.at(-1), close(5));
  jump.message(data(0, 'late'));
  t.match(leg.ended, /a message for no channel/);
});

t.test('what the client says before it has heard that the host is gone is no error', async t => {
  const there = await listening(t, socket => socket.once('data', () => socket.resetAndDestroy()));
  const { jump, leg } = alone(t, there.port);
  jump.message(openTo(5, 'web1', 22));
  await until('the channel', () => leg.sent.some(one => one[0] === 91));
  jump.message(data(0, 'early'));
  await until('the close', () => leg.sent.some(one => one[0] === 97));
  jump.message(data(0, 'late'));
  jump.message(adjust(0));
  jump.message(eof(0));
  jump.message(close(0));
  t.equal(leg.ended, undefined);
  t.equal(leg.sent.filter(one => one[0] === 97).length, 1);
});

t.test('what policy says is asked at each channel, so a change counts at once', async t => {
  const there = await listening(t, socket => socket.pipe(socket));
  const granted = [jumper];
  const { jump, leg } = alone(t, there.port, dial, granted);
  jump.message(openTo(5, 'web1', 22));
  await until('the channel', () => leg.sent.some(one => one[0] === 91));
  granted[0] = granting({});
  jump.message(openTo(6, 'web1', 22));
  const failure = await until('a refusal', () => leg.sent.find(one => one[0] === 92));
  t.match(failure.toString(), /policy does not let you jump/);
});

/** A Jump between a leg that the test plays and a service at that port. */
function alone(
  t: Pick<Test, 'teardown'>,
  port: number,
  by: typeof dial = dial,
  granted: readonly Grant[] = [jumper],
): { jump: Jump; leg: FakeLeg } {
  const leg = new FakeLeg();
  const rules = {
    services: new Map([['web1', { ...service, port }]]),
    grantsFor: () => granted,
    isPartlyClosed: () => false,
  };
  const broken = (error: unknown): void => {
    leg.ended = String(error);
  };
  const jump = new Jump(leg, deafTap, { rules: () => rules, dial: by, broken });
  t.teardown(() => jump.end('the test is over'));
  return { jump, leg };
}

/** A host that takes nothing. */
class StuckSocket extends Duplex {
  override _read(): void {}
  override _write(): void {}
  destroySoon(): void {
    this.end();
  }
}

interface There {
  readonly port: number;
  readonly sockets: readonly Socket[];
  stop(): Promise<void>;
}

/** A service: `met` plays it. */
async function listening(t: Pick<Test, 'teardown'>, met: (socket: Socket) => void): Promise<There> {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, socket => {
    sockets.push(socket.on('error', () => {}));
    met(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise(resolve => server.close(resolve));
  };
  t.teardown(stop);
  return { port: (server.address() as AddressInfo).port, sockets, stop };
}

/** Alice, who has come to jump, and may jump to whatever the options do not say otherwise of: web1 is at that port. */
async function jumping(
  t: Pick<Test, 'teardown'>,
  port: number,
  options: InProcessOptions = {},
): Promise<{ proxy: InProcess; peer: RawPeer }> {
  const proxy = await inProcess(t, { service: { port }, grantFor: () => jumper, ...options });
  const peer = await logIn(proxy, 'jump');
  await peer.next(52);
  return { proxy, peer };
}

async function logIn(proxy: InProcess, user: string, code = '123456'): Promise<RawPeer> {
  const peer = await rawStranger(proxy.port);
  peer.send(signedRequest(peer.transport.sessionId, user, proxy.alice));
  await peer.next(51);
  peer.send(keyboardInteractive(user));
  await peer.next(60);
  peer.send(infoResponse(code));
  return peer;
}

interface Far {
  /** By which the proxy knows the channel. */
  readonly number: number;
  /** What it has made room for so far. */
  readonly window: () => number;
}

async function opened(peer: RawPeer, number: number, host: string, port = 22): Promise<Far> {
  peer.send(openTo(number, host, port));
  const confirmation = await peer.next(91);
  const adjustments = (): number[] =>
    peer.messages.filter(one => one[0] === 93 && one.readUInt32BE(1) === number).map(one => one.readUInt32BE(5));
  return {
    number: confirmation.readUInt32BE(5),
    window: () => adjustments().reduce((sum, bytes) => sum + bytes, confirmation.readUInt32BE(9)),
  };
}

function openTo(number: number, host: string, port: number): Buffer {
  return open(number, 'direct-tcpip', ...to(host, port));
}

function to(host: string, port: number): Buffer[] {
  return [string(host), uint32(port), string('127.0.0.1'), uint32(50_000)];
}

function received(peer: RawPeer, number = 0): Buffer {
  return Buffer.concat(dataOf(peer, number));
}

function dataOf({ messages }: RawPeer, number = 0): Buffer[] {
  return messages.filter(one => one[0] === 94 && one.readUInt32BE(1) === number).map(one => one.subarray(9));
}

/** All that was said before is answered by now. */
async function answered(peer: RawPeer): Promise<void> {
  peer.send(global('keepalive@openssh.com', 1));
  await peer.next(82);
}
