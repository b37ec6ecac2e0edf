/** Forwarding of every kind, at the relay: what the grant says, what the host has agreed to, and nothing else. */
import t from 'tap';
import type { Forwarding } from '../../src/policy/grant.ts';
import { permissionsFor } from '../../src/proxy/relay/allowed.ts';
import { leadsWhereGranted, listensWhereGranted } from '../../src/proxy/relay/places.ts';
import { byte, string, uint32 } from '../../src/ssh/wire.ts';
import {
  between,
  close,
  confirm,
  data,
  failure,
  global,
  granting,
  open,
  opened,
  refusal,
  request,
  success,
} from './between.ts';

const everything: Forwarding = { local: ['*'], remote: ['*'], streamlocal: true, agent: true, x11: true, jump: true };
const origin = [string('127.0.0.1'), uint32(50_000)] as const;
const tcp = (host: string, port: number): Buffer => Buffer.concat([string(host), uint32(port)]);
const toTcp = (sender: number, host: string, port: number): Buffer =>
  open(sender, 'direct-tcpip', tcp(host, port), ...origin);
const toSocket = (sender: number): Buffer =>
  open(sender, 'direct-streamlocal@openssh.com', string('/run/x'), string(''), uint32(0));
const fromTcp = (sender: number, host: string, port: number): Buffer =>
  open(sender, 'forwarded-tcpip', tcp(host, port), ...origin);
const fromSocket = (sender: number, path: string): Buffer =>
  open(sender, 'forwarded-streamlocal@openssh.com', string(path), string(''));
const yes = (port?: number): Buffer => (port === undefined ? byte(81) : Buffer.concat([byte(81), uint32(port)]));
const no = byte(82);

t.test('destinations, as PermitOpen: host and port, each itself or any', async t => {
  for (const [pattern, host, port, isGranted] of [
    ['10.0.0.5:22', '10.0.0.5', 22, true],
    ['10.0.0.5:22', '10.0.0.5', 23, false],
    ['10.0.0.5:22', '10.0.0.50', 22, false],
    ['10.0.0.5:22', '10.0.0.5', 65_536 + 22, false],
    ['10.0.0.5:22', '010.0.0.5', 22, false],
    ['db.example.com:5432', 'DB.example.com', 5432, true],
    ['db.example.com:5432', 'db.example.com.', 5432, false],
    ['[::1]:80', '::1', 80, true],
    ['[::1]:80', '0:0:0:0:0:0:0:1', 80, false],
    ['*:443', 'anywhere', 443, true],
    ['*:443', 'anywhere', 444, false],
    ['10.0.0.5:*', '10.0.0.5', 1, true],
    ['10.0.0.5:*', '10.0.0.5', 0, false],
    ['*', 'anywhere', 1, true],
    ['*', 'anywhere', 0, false],
    ['*', 'anywhere', 65_536, false],
    ['22', '10.0.0.5', 22, false],
    ['10.0.0.*:22', '10.0.0.5', 22, false],
    ['', '', 22, false],
  ] as const)
    t.equal(leadsWhereGranted([pattern], { host, port }), isGranted, `${pattern} and ${host}:${port}`);
  t.equal(leadsWhereGranted([], { host: 'x', port: 1 }), false);
});

t.test('where the host may be asked to listen, as PermitListen', async t => {
  for (const [pattern, host, port, isGranted] of [
    ['8080', 'localhost', 8080, true],
    ['8080', '', 8080, true],
    ['8080', 'localhost', 8081, false],
    ['8080', 'localhost', 0, false],
    ['localhost:8080', 'localhost', 8080, true],
    ['localhost:8080', '', 8080, false],
    ['localhost:*', 'localhost', 0, true],
    ['*', '', 0, true],
    ['*:8080', '', 8080, true],
    ['*', '', 65_536, false],
  ] as const)
    t.equal(listensWhereGranted([pattern], { host, port }), isGranted, `${pattern} and ${host}:${port}`);
});

t.test('without a grant nothing of it passes, and each refusal has its reason', async t => {
  const { relay, client, host, refused } = opened();
  relay.message('client', toTcp(1, '10.0.0.5', 22));
  relay.message('client', toSocket(2));
  relay.message('client', global('tcpip-forward', 1, tcp('', 0)));
  relay.message('client', global('streamlocal-forward@openssh.com', 1, string('/run/x')));
  relay.message('client', request(7, 'auth-agent-req@openssh.com', 1));
  relay.message('client', request(7, 'x11-req', 1, byte(0), string('MIT-MAGIC-COOKIE-1'), string('secret'), uint32(0)));
  t.equal(host.sent.length, 1, 'the session alone');
  t.strictSame(client.sent.slice(1, 3).map(refusal), [
    [92, 1, 1],
    [92, 2, 1],
  ]);
  t.match(client.sent[1]?.toString(), /policy does not grant a connection to 10\.0\.0\.5:22/);
  t.strictSame(client.sent.slice(3), [no, no, failure(0), failure(0)]);
  t.match(
    refused.map(({ type, why }) => [type, why]),
    [
      ['direct-tcpip', 'policy does not grant a connection to 10.0.0.5:22'],
      ['direct-streamlocal@openssh.com', 'policy does not grant a connection to /run/x'],
      ['tcpip-forward', 'policy does not grant listening at :0'],
      ['streamlocal-forward@openssh.com', 'policy does not grant listening at /run/x'],
      ['auth-agent-req@openssh.com', 'policy does not grant the forwarding of an agent'],
      ['x11-req', 'policy does not grant the forwarding of X11'],
    ],
  );
});

t.test('where a recording is demanded nothing passes that is not recorded, whatever else is granted', async t => {
  const { relay, host, refused } = opened(granting(everything, true));
  relay.message('client', toTcp(1, '10.0.0.5', 22));
  relay.message('client', toSocket(2));
  relay.message('client', global('tcpip-forward', 1, tcp('', 0)));
  relay.message('client', global('streamlocal-forward@openssh.com', 1, string('/run/x')));
  relay.message('client', request(7, 'auth-agent-req@openssh.com', 0));
  relay.message('client', request(7, 'x11-req', 1, byte(0), string(''), string(''), uint32(0)));
  t.equal(host.sent.length, 1);
  t.equal(refused.length, 6);
  for (const { why } of refused) t.match(why, /recorded/);
  t.strictSame(permissionsFor(granting(everything, true)), []);
});

t.test('the certificate permits what is granted, and no more', async t => {
  for (const [forwarding, permissions] of [
    [{}, []],
    [{ local: ['*'] }, ['permit-port-forwarding']],
    [{ remote: ['8080'] }, ['permit-port-forwarding']],
    [{ streamlocal: true }, ['permit-port-forwarding']],
    [{ agent: true }, ['permit-agent-forwarding']],
    [{ x11: true }, ['permit-X11-forwarding']],
    [{ jump: true }, []],
  ] as const)
    t.strictSame(permissionsFor(granting(forwarding)), permissions);
});

t.test('a connection from the host: granted, used both ways, and closed', async t => {
  const { relay, client, host } = between(granting({ local: ['10.0.0.5:22'] }));
  relay.message('client', toTcp(4, '10.0.0.5', 22));
  t.strictSame(host.sent, [toTcp(4, '10.0.0.5', 22)], 'as it came');
  relay.message('host', confirm(4, 9));
  relay.message('client', data(9, 'there'));
  relay.message('host', data(4, 'back'));
  relay.message('client', close(9));
  relay.message('host', close(4));
  t.strictSame(client.sent, [confirm(4, 9), data(4, 'back'), close(4)]);
  t.equal(client.ended, undefined);
});

t.test('sessions are for sessions: nothing is run or asked for on another channel', async t => {
  const { relay, client, host } = between(granting(everything));
  relay.message('client', toTcp(4, '10.0.0.5', 22));
  relay.message('host', confirm(4, 9));
  for (const type of ['exec', 'shell', 'pty-req', 'auth-agent-req@openssh.com'])
    relay.message('client', request(9, type, 1, string('id')));
  relay.message('host', request(4, 'exit-status', 1, uint32(0)));
  t.strictSame(client.sent.slice(1), [failure(4), failure(4), failure(4), failure(4)]);
  t.strictSame(host.sent.slice(1), [failure(9)]);
});

t.test('a listener: asked for, agreed to, called back, and cancelled', async t => {
  const { relay, client, host } = between(granting({ remote: ['localhost:8080'] }));
  relay.message('client', global('tcpip-forward', 1, tcp('localhost', 8080)));
  relay.message('host', fromTcp(1, 'localhost', 8080));
  t.strictSame(refusal(host.sent[1]), [92, 1, 1], 'not before the host has agreed');
  relay.message('host', yes());
  relay.message('host', fromTcp(1, 'localhost', 8080));
  t.strictSame(client.sent, [yes(), fromTcp(1, 'localhost', 8080)]);
  relay.message('client', confirm(1, 3));
  relay.message('host', data(3, 'hello'));
  relay.message('client', data(1, 'hello yourself'));
  t.strictSame(client.sent.at(-1), data(3, 'hello'));
  t.strictSame(host.sent.at(-1), data(1, 'hello yourself'));
  relay.message('client', global('cancel-tcpip-forward', 1, tcp('localhost', 8080)));
  relay.message('host', fromTcp(2, 'localhost', 8080));
  t.strictSame(client.sent.at(-1), fromTcp(2, 'localhost', 8080), 'it may have been on its way');
  relay.message('host', yes());
  relay.message('host', fromTcp(5, 'localhost', 8080));
  t.strictSame(refusal(host.sent.at(-1)), [92, 5, 1], 'and then no more');
});

t.test('a port that the host chooses is the one in its reply', async t => {
  const { relay, client, host } = between(granting({ remote: ['*'] }));
  relay.message('client', global('tcpip-forward', 1, tcp('', 0)));
  relay.message('host', yes(40_001));
  relay.message('host', fromTcp(1, '', 40_002));
  relay.message('host', fromTcp(2, '', 0));
  relay.message('host', fromTcp(3, '0.0.0.0', 40_001));
  t.strictSame(host.sent.slice(1).map(refusal), [
    [92, 1, 1],
    [92, 2, 1],
    [92, 3, 1],
  ]);
  relay.message('host', fromTcp(4, '', 40_001));
  t.strictSame(client.sent.at(-1), fromTcp(4, '', 40_001));
  relay.message('client', global('cancel-tcpip-forward', 1, tcp('', 0)));
  t.strictSame(client.sent.at(-1), no, 'what nobody listens at cannot be cancelled');
  relay.message('client', global('cancel-tcpip-forward', 0, tcp('', 40_001)));
  relay.message('host', fromTcp(6, '', 40_001));
  t.strictSame(refusal(host.sent.at(-1)), [92, 6, 1]);
});

t.test('a listener that the host does not agree to is none, and takes none away', async t => {
  const { relay, client, host } = between(granting({ remote: ['8080'] }));
  for (const reply of [yes(), no]) {
    relay.message('client', global('tcpip-forward', 1, tcp('', 8080)));
    relay.message('host', reply);
  }
  relay.message('host', fromTcp(1, '', 8080));
  t.strictSame(client.sent.at(-1), fromTcp(1, '', 8080), 'the first is there still');
  const other = between(granting({ remote: ['8080'] }));
  other.relay.message('client', global('tcpip-forward', 1, tcp('', 8080)));
  other.relay.message('host', no);
  other.relay.message('host', fromTcp(1, '', 8080));
  t.strictSame(refusal(other.host.sent.at(-1)), [92, 1, 1]);
  t.equal(host.ended, undefined);
});

t.test('a socket is not a port: one is no leave for the other', async t => {
  const { relay, client, host } = between(granting({ streamlocal: true }));
  relay.message('client', global('streamlocal-forward@openssh.com', 1, string('localhost:8080')));
  relay.message('host', yes());
  relay.message('host', fromTcp(1, 'localhost', 8080));
  relay.message('host', fromSocket(2, '/run/other'));
  t.strictSame(host.sent.slice(1).map(refusal), [
    [92, 1, 1],
    [92, 2, 1],
  ]);
  relay.message('host', fromSocket(3, 'localhost:8080'));
  t.strictSame(client.sent.at(-1), fromSocket(3, 'localhost:8080'));
  relay.message('client', global('cancel-streamlocal-forward@openssh.com', 1, string('localhost:8080')));
  relay.message('host', yes());
  relay.message('host', fromSocket(4, 'localhost:8080'));
  t.strictSame(refusal(host.sent.at(-1)), [92, 4, 1]);
});

t.test('refusals of ours keep their place between replies of the host', async t => {
  const { relay, client } = between(granting({ remote: ['8080', '8082'] }));
  for (const port of [8080, 8081, 8082]) relay.message('client', global('tcpip-forward', 1, tcp('', port)));
  relay.message('host', yes());
  relay.message('host', no);
  t.strictSame(client.sent, [yes(), no, no]);
  relay.message('host', fromTcp(1, '', 8080));
  t.equal(client.sent.length, 4, 'the yes was for the first');
});

t.test('an agent: only after the client has asked, and the host has not said no', async t => {
  const agent = (sender: number): Buffer => open(sender, 'auth-agent@openssh.com');
  const { relay, client, host } = opened(granting({ agent: true }));
  relay.message('host', agent(1));
  t.strictSame(refusal(host.sent.at(-1)), [92, 1, 1], 'unasked');
  relay.message('client', request(7, 'auth-agent-req@openssh.com', 1));
  relay.message('host', failure(0));
  relay.message('host', agent(1));
  t.strictSame(refusal(host.sent.at(-1)), [92, 1, 1], 'the host has said no');
  relay.message('client', request(7, 'auth-agent-req@openssh.com', 0)); // as OpenSSH: it wants no reply
  for (const sender of [1, 2, 3]) relay.message('host', agent(sender));
  t.strictSame(client.sent.slice(-3), [agent(1), agent(2), agent(3)]);
});

t.test('X11: only after the client has asked; for one connection if that is what it wants', async t => {
  const x11 = (sender: number): Buffer => open(sender, 'x11', ...origin);
  const ask = (isOnce: number): Buffer =>
    request(7, 'x11-req', 1, byte(isOnce), string('MIT-MAGIC-COOKIE-1'), string('cookie'), uint32(0));
  const { relay, client, host } = opened(granting({ x11: true }));
  relay.message('host', x11(1));
  t.strictSame(refusal(host.sent.at(-1)), [92, 1, 1], 'unasked');
  relay.message('client', ask(1));
  relay.message('host', success(0));
  relay.message('host', x11(1));
  relay.message('host', x11(2));
  t.strictSame(client.sent.at(-1), x11(1));
  t.strictSame(refusal(host.sent.at(-1)), [92, 2, 1], 'a second');
  relay.message('client', ask(0));
  relay.message('host', success(0));
  for (const sender of [3, 4]) relay.message('host', x11(sender));
  t.strictSame(client.sent.slice(-2), [x11(3), x11(4)]);
});

t.test('numbers: each side has its own, and the same number on both is two channels', async t => {
  const { relay, client, host } = opened(granting({ agent: true }));
  relay.message('client', request(7, 'auth-agent-req@openssh.com', 0));
  relay.message('host', open(0, 'auth-agent@openssh.com')); // 0 is the number of the session to the client
  relay.message('client', confirm(0, 7)); // and 7 that of the session to the host
  relay.message('client', data(0, 'to the agent channel'));
  relay.message('client', data(7, 'to the session'));
  relay.message('host', data(7, 'from the agent channel'));
  relay.message('host', data(0, 'from the session'));
  t.strictSame(host.sent.slice(-2), [data(0, 'to the agent channel'), data(7, 'to the session')]);
  t.strictSame(client.sent.slice(-2), [data(7, 'from the agent channel'), data(0, 'from the session')]);
  t.equal(client.ended, undefined);
});

t.test('games with numbers end both sides', async t => {
  for (const [what, from, message] of [
    ['the host opens one with a number that it has given already', 'host', open(7, 'auth-agent@openssh.com')],
    ['the host opens the same again', 'host', open(8, 'auth-agent@openssh.com')],
    ['the client confirms with a number that it has given already', 'client', confirm(8, 0)],
    ['the host confirms what it has opened itself', 'host', confirm(8, 9)],
    ['the client confirms a session, which is its own', 'client', confirm(7, 9)],
    [
      'the host refuses what it has opened itself',
      'host',
      Buffer.concat([byte(92), uint32(8), uint32(1), string(''), string('')]),
    ],
    ['data before it is confirmed', 'client', data(8, 'x')],
    ['data of who has opened it, before', 'host', data(8, 'x')],
  ] as const) {
    const { relay, client, host } = opened(granting({ agent: true }));
    relay.message('client', request(7, 'auth-agent-req@openssh.com', 0));
    relay.message('host', open(8, 'auth-agent@openssh.com'));
    relay.message(from, message);
    t.match(client.ended, /protocol error/, what);
    t.match(host.ended, /protocol error/, what);
  }
});

t.test('a host opens so many channels, and no more, and takes none from the client', async t => {
  const { relay, client, host, refused } = opened(granting({ agent: true }));
  relay.message('client', request(7, 'auth-agent-req@openssh.com', 0));
  for (let i = 100; i < 357; i++) relay.message('host', open(i, 'auth-agent@openssh.com'));
  t.equal(client.sent.length, 257);
  t.strictSame(refusal(host.sent.at(-1)), [92, 356, 4]);
  t.match(refused, [{ from: 'host', type: 'auth-agent@openssh.com', why: 'too many channels' }]);
  relay.message('client', open(1));
  t.strictSame(host.sent.at(-1), open(1));
});

t.test('what is cut short ends both sides', async t => {
  for (const message of [
    open(1, 'direct-tcpip', string('host')),
    open(1, 'direct-streamlocal@openssh.com', uint32(900)),
    global('tcpip-forward', 1, string('')),
    global('streamlocal-forward@openssh.com', 1),
  ]) {
    const { relay, client } = between(granting(everything));
    relay.message('client', message);
    t.match(client.ended, /malformed/);
  }
});
