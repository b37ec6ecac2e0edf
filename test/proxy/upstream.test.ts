/** What an upstream host may do, and what it may not: it is not trusted with anything but its own session. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { serviceAccept } from '../../src/proxy/messages/userauth.ts';
import { valueOfOption } from '../../src/ssh/cert-options.ts';
import { type Certificate, parseCertificate } from '../../src/ssh/certificate.ts';
import { byte, string, uint32, WireReader } from '../../src/ssh/wire.ts';
import { until } from '../helpers/e2e/until.ts';
import { valueOf } from '../ssh/openssh.ts';
import { granting } from './between.ts';
import { answer, type InProcess, inProcess } from './in-process.ts';
import { answerBoth, infoResponse, keyboardInteractive, type RawPeer, rawStranger, signedRequest } from './raw-peer.ts';

const user = 'alice@web1';

t.test('the certificate: for one account, from one address, for minutes, with a terminal and no more', async t => {
  const proxy = await inProcess(t);
  const { account, algorithm, certificate } = await offeredTo(proxy);
  t.equal(account, 'alice');
  t.equal(algorithm, 'ssh-ed25519-cert-v01@openssh.com');
  t.strictSame(certificate.principals, ['alice']);
  t.strictSame([...certificate.criticalOptions.keys()], ['source-address']);
  t.strictSame([...certificate.extensions.keys()], ['permit-pty', 'second-factor@trasa']);
  t.equal(valueOfOption(certificate.extensions.get('second-factor@trasa') ?? Buffer.alloc(0)), 'totp');
  t.equal(certificate.validBefore - certificate.validAfter, 180n, 'two minutes, and one for clocks that differ');
  t.match(certificate.keyId, /^trasa:alice@example.com:web1:[0-9A-Z]{26}$/);
});

t.test('the certificate permits the forwarding that policy grants, unless the session is recorded', async t => {
  const forwarding = { local: ['*'], agent: true, x11: true };
  const open = await inProcess(t, { grantFor: () => granting(forwarding) });
  t.strictSame(
    [...(await offeredTo(open)).certificate.extensions.keys()],
    ['permit-X11-forwarding', 'permit-agent-forwarding', 'permit-port-forwarding', 'permit-pty', 'second-factor@trasa'],
  );
  const recorded = await inProcess(t, { grantFor: () => granting(forwarding, true) });
  t.strictSame([...(await offeredTo(recorded)).certificate.extensions.keys()], ['permit-pty', 'second-factor@trasa']);
});

t.test('a host that asks questions of its own: they go to the person, and only the person answers', async t => {
  const proxy = await inProcess(t, {
    met: asks('Password: \u001b[31m', (peer, answers) =>
      peer.send(answers.includes('mine') ? byte(52) : failure(false)),
    ),
  });
  const peer = await rawStranger(proxy.port);
  peer.send(signedRequest(peer.transport.sessionId, user, proxy.alice));
  await peer.next(51);
  peer.send(keyboardInteractive(user));
  t.match(text(await peer.next(60)), /Enter OTP/);
  peer.send(infoResponse('123456'));
  const asked = text(await peer.next(60));
  t.match(asked, /The host web1 asks, not this proxy/);
  t.match(asked, /web1: Password: \?\[31m/, 'cleaned');
  t.notOk(
    proxy.host.peers[0]?.messages.some(one => one[0] === 61),
    'nothing is answered for them',
  );
  peer.send(infoResponse('mine'));
  await peer.next(52);
});

for (const [what, met] of [
  ['that wants a password instead of the certificate', takes(peer => peer.send(failure(false)))],
  [
    'that asks before it has taken the certificate',
    takes(peer => peer.send(byte(60), string(''), string(''), string(''), uint32(1), string('Password: '), byte(0))),
  ],
  ['that asks a thousand questions', asks('x', () => {}, 1000)],
  ['that asks millions of questions', asks('x', () => {}, 0x7fffffff)],
  [
    'that opens a session before the login',
    takes(peer => peer.send(byte(90), string('session'), uint32(0), uint32(1), uint32(1))),
  ],
  [
    'that sends a banner before anything was asked of it',
    (peer: RawPeer) => peer.send(byte(53), string('x'), string('')),
  ],
  ['that asks without end', asks('x', peer => peer.send(byte(60), string(''), string(''), string(''), uint32(0)))],
  [
    'that sends banners without end',
    takes(peer => {
      for (let i = 0; i < 10; i++) peer.send(byte(53), string('x'), string(''));
    }),
  ],
  ['that hangs up', takes(peer => peer.socket.destroy())],
] as const)
  t.test(`a host ${what} lets nobody in, and learns nothing`, async t => {
    const proxy = await inProcess(t, { met, service: { credentials: ['certificate'] } });
    t.equal(await enter(proxy), 'out');
    t.notOk(proxy.lines.some(line => line['event'] === 'session-start'));
    const said = proxy.host.peers[0]?.messages.map(one => one.toString('latin1')).join(' ') ?? '';
    t.notMatch(said, /123456/);
  });

t.test('a host with another key than the pinned one hears nothing of the person', async t => {
  const proxy = await inProcess(t, { service: { hostKeys: [(await inProcess(t)).alice.key] } });
  t.equal(await enter(proxy), 'out');
  t.strictSame(proxy.host.peers[0]?.messages, []);
  t.match(
    proxy.lines.findLast(line => line['text'] === 'refused'),
    { why: /its key is not the pinned one/ },
  );
});

t.test('a banner of the host is shown, cleaned, before the login succeeds', async t => {
  const proxy = await inProcess(t, {
    met: takes(peer => {
      peer.send(byte(53), string('Authorised\r\nonly \u001b]0;x\u0007'), string(''));
      peer.send(byte(52));
    }),
  });
  const peer = await rawStranger(proxy.port);
  await answerBoth(peer, user, proxy.alice);
  t.match(text(await peer.next(53)), /Authorised\r\nonly \?\]0;x\?\r\n/);
  await peer.next(52);
});

t.test('a session: what passes, what does not, and the agent of the person stays closed', async t => {
  const proxy = await inProcess(t);
  const { peer, host } = await session(proxy);
  peer.send(byte(90), string('session'), uint32(0), uint32(2 ** 20), uint32(32_768));
  await host.next(90);
  host.send(byte(91), ...[0, 5, 2 ** 20, 32_768].map(uint32));
  await peer.next(91);
  host.send(byte(90), string('auth-agent@openssh.com'), uint32(1), uint32(100), uint32(100));
  t.match(text(await host.next(92)), /has not asked for it/);
  host.send(byte(80), string('hostkeys-00@openssh.com'), byte(0), string('key'));
  host.send(byte(94), uint32(0), string('to the person'));
  t.match(text(await peer.next(94)), /to the person/);
  t.notOk(
    peer.messages.some(one => one[0] === 90 || one[0] === 80),
    'the client heard of neither',
  );
});

t.test('a recorded session: a second program on one channel ends it, and the host never hears of that', async t => {
  const recordDirectory = join(mkdtempSync(join(tmpdir(), 'trasa-record-')), 'recordings');
  const proxy = await inProcess(t, { service: { record: true }, proxy: { recordDirectory } });
  const { peer, host } = await session(proxy);
  peer.send(byte(90), string('session'), uint32(0), uint32(2 ** 20), uint32(32_768));
  await host.next(90);
  host.send(byte(91), ...[0, 5, 2 ** 20, 32_768].map(uint32));
  await peer.next(91);
  peer.send(byte(98), uint32(5), string('exec'), byte(1), string('true'));
  await host.next(98);
  host.send(byte(99), uint32(0));
  await peer.next(99);
  peer.send(byte(98), uint32(5), string('exec'), byte(1), string('bash'));
  t.match(await peer.ended(), { text: /the session cannot be recorded: a second program on one channel/ });
  await host.ended();
  t.equal(host.messages.filter(one => one[0] === 98).length, 1);
  const sealed = await until('its seal', () => proxy.lines.find(line => line['event'] === 'recording-sealed'));
  const recorded = readFileSync(join(recordDirectory, String(sealed['file'])), 'utf8');
  t.match(recorded, /"exit":"not recorded: a second program on one channel"/);
});

t.test('a host that breaks the protocol ends its own session, and no other', async t => {
  const proxy = await inProcess(t);
  const [one, other] = [await session(proxy), await session(proxy)];
  one.host.send(byte(94), uint32(77), string('for no channel'));
  t.match(await one.peer.ended(), { text: /protocol error by the host/ });
  other.peer.send(byte(80), string('keepalive@openssh.com'), byte(1));
  await other.host.next(80);
  other.host.send(byte(82));
  await other.peer.next(82);
});

t.test('too many sessions', async t => {
  const proxy = await inProcess(t, { proxy: { maxSessions: 1 } });
  await session(proxy);
  proxy.pass(400_000); // the code is good again
  const peer = await rawStranger(proxy.port);
  await dialogue(proxy, peer);
  t.match(text(await peer.next(60)), /Too many sessions/, 'before the host hears of it');
  t.equal(proxy.host.peers.length, 1);
});

t.test('when the host ends, the client is told; when the client goes, so does the host', async t => {
  const proxy = await inProcess(t);
  const one = await session(proxy);
  one.host.socket.destroy();
  t.match(await one.peer.ended(), { text: /the host closed the connection/ });
  proxy.pass(400_000);
  const two = await session(proxy);
  two.peer.socket.destroy();
  await two.host.ended();
  await until('the ends in the log', () => proxy.lines.filter(line => line['event'] === 'session-end').length === 2);
});

t.test('a log that cannot be written: nobody is in, here or there', async t => {
  const proxy = await inProcess(t, { cannotNote: 'session-start' });
  const peer = await rawStranger(proxy.port);
  await dialogue(proxy, peer);
  t.match(await peer.ended(), { text: /internal error/ });
  await (await until('the host', () => proxy.host.peers[0])).ended();
});

t.test('a grace and a host that is away: the last word says why', async t => {
  const proxy = await inProcess(t, { graceMs: 600_000 });
  await session(proxy);
  proxy.host.stop();
  const peer = await rawStranger(proxy.port);
  peer.send(signedRequest(peer.transport.sessionId, user, proxy.alice));
  t.match(await peer.ended(), { text: /The SSH server is down/ });
});

t.test('who is gone before the host lets them in leaves no session behind', async t => {
  let letIn = (): void => {};
  const proxy = await inProcess(t, {
    met: takes(peer => {
      letIn = () => peer.send(byte(52));
    }),
  });
  const peer = await rawStranger(proxy.port);
  void dialogue(proxy, peer).catch(() => {});
  const host = await until('the host to be asked', () =>
    proxy.host.peers.find(one => one.messages.some(m => m[0] === 50)),
  );
  peer.socket.destroy();
  await host.ended();
  letIn();
  t.notOk(proxy.lines.some(line => line['event'] === 'session-start'));
});

/** A logged-in client, and the host's end. */
async function session(proxy: InProcess): Promise<{ peer: RawPeer; host: RawPeer }> {
  const peer = await rawStranger(proxy.port);
  await dialogue(proxy, peer);
  await peer.next(52);
  proxy.pass(400_000); // the code is good again
  const host = await until('the host', () => proxy.host.peers.at(-1));
  return { peer, host };
}

/** What the host is offered when alice enters. */
async function offeredTo(proxy: InProcess): Promise<{ account: string; algorithm: string; certificate: Certificate }> {
  await enter(proxy);
  const request = new WireReader(
    await until('the request', () => proxy.host.peers[0]?.messages.find(one => one[0] === 50)),
  );
  request.byte();
  const account = request.text();
  request.string(); // service
  request.string(); // method
  request.byte();
  const algorithm = request.text();
  return { account, algorithm, certificate: valueOf(parseCertificate(request.string())) };
}

async function dialogue(proxy: InProcess, peer: RawPeer): Promise<void> {
  await answerBoth(peer, user, proxy.alice);
}

async function enter(proxy: InProcess): Promise<'in' | 'out'> {
  const peer = await rawStranger(proxy.port);
  await dialogue(proxy, peer);
  for (;;) {
    const outcome = await peer.next(52, 60).catch(() => undefined);
    if (outcome === undefined) return 'out';
    if (outcome[0] === 52) return 'in';
    peer.send(infoResponse());
  }
}

/** A host that does this with the first request of a login. */
function takes(respond: (peer: RawPeer) => void): (peer: RawPeer) => void {
  return peer =>
    answer(peer, payload => {
      if (payload[0] === 5) peer.send(serviceAccept('ssh-userauth'));
      if (payload[0] === 50) respond(peer);
    });
}

/** A host that takes the certificate, and then asks the person. */
function asks(
  question: string,
  answered: (peer: RawPeer, answers: string) => void,
  count = 1,
): (peer: RawPeer) => void {
  return peer =>
    answer(peer, payload => {
      if (payload[0] === 5) peer.send(serviceAccept('ssh-userauth'));
      if (payload[0] === 50)
        if (payload.includes('publickey')) peer.send(failure(true));
        else peer.send(byte(60), string(''), string(''), string(''), uint32(count), string(question), byte(0));
      if (payload[0] === 61) answered(peer, text(payload));
    });
}

function failure(partial: boolean): Buffer {
  return Buffer.concat([byte(51), string('keyboard-interactive'), byte(partial ? 1 : 0)]);
}

function text(payload: Buffer): string {
  return payload.toString('utf8');
}
