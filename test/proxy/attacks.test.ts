/** Attacks on a public listener. Each of them is made here, and fails. */
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import { keyRequest } from '../../src/proxy/messages/userauth.ts';
import { encodePublicKey } from '../../src/ssh/public-key.ts';
import { encodeSignature } from '../../src/ssh/signature.ts';
import { byte, string, uint32 } from '../../src/ssh/wire.ts';
import { until } from '../helpers/e2e/until.ts';
import { entryRule } from '../helpers/entry-rule.ts';
import { newPair } from '../ssh/authority.ts';
import { type InProcess, inProcess } from './in-process.ts';
import {
  authRequest,
  infoResponse,
  keyboardInteractive,
  keyQuestion,
  rawClient,
  rawStranger,
  signedRequest,
} from './raw-peer.ts';

const user = 'alice@web1';

t.test("another person's public key, offered without a signature, proves nothing", async t => {
  const proxy = await inProcess(t);
  const peer = await rawStranger(proxy.port);
  peer.send(keyQuestion(user, proxy.alice));
  await peer.next(60);
  // TRASA's own proxy takes the question for the login and asks for no password any more.
  peer.send(keyboardInteractive(user));
  t.match(text(await peer.next(60)), /Enter TRASA credentials/, 'the first factor is still asked for');
  nobodyCameIn(t, proxy);
});

t.test('a signature by another key proves nothing', async t => {
  const proxy = await inProcess(t);
  const peer = await rawStranger(proxy.port);
  const mallory = newPair();
  const forged = { ...proxy.alice, privateKey: mallory.privateKey };
  peer.send(signedRequest(peer.transport.sessionId, user, forged));
  t.notOk(isPartial(await peer.next(51)));
  nobodyCameIn(t, proxy);
});

t.test('a signature for another connection proves nothing', async t => {
  const proxy = await inProcess(t);
  const [peer, other] = [await rawStranger(proxy.port), await rawStranger(proxy.port)];
  peer.send(signedRequest(other.transport.sessionId, user, proxy.alice));
  t.notOk(isPartial(await peer.next(51)));
  nobodyCameIn(t, proxy);
});

t.test('a signature for another user name proves nothing', async t => {
  const proxy = await inProcess(t);
  const peer = await rawStranger(proxy.port);
  const request = signedRequest(peer.transport.sessionId, 'deploy@web1', proxy.alice);
  const [from, to] = [string('deploy@web1'), string('alice@web11')];
  const bent = Buffer.concat([byte(50), to, request.subarray(1 + from.length)]);
  peer.send(bent);
  t.notOk(isPartial(await peer.next(51)));
  nobodyCameIn(t, proxy);
});

t.test('an algorithm that the signature does not name is refused', async t => {
  const proxy = await inProcess(t);
  const peer = await rawStranger(proxy.port);
  const blob = encodePublicKey(proxy.alice.key);
  const request = keyRequest(user, { algorithm: 'ssh-rsa', blob });
  peer.send(request, string(encodeSignature('ssh-ed25519', Buffer.alloc(64))));
  t.notOk(isPartial(await peer.next(51)));
  nobodyCameIn(t, proxy);
});

t.test('the user name may not change once something was asked for it', async t => {
  const proxy = await inProcess(t);
  const peer = await rawStranger(proxy.port);
  peer.send(signedRequest(peer.transport.sessionId, user, proxy.alice));
  t.ok(isPartial(await peer.next(51)));
  peer.send(keyboardInteractive('deploy@web1'));
  t.match(await peer.ended(), { text: /the user name may not change/ });
  nobodyCameIn(t, proxy);
});

t.test('a second person cannot take over what the first has proved', async t => {
  const proxy = await inProcess(t);
  const peer = await rawStranger(proxy.port);
  peer.send(signedRequest(peer.transport.sessionId, user, proxy.alice));
  t.ok(isPartial(await peer.next(51)));
  peer.send(signedRequest(peer.transport.sessionId, user, proxy.bob));
  t.notOk(isPartial(await peer.next(51)));
  peer.send(keyboardInteractive(user));
  await peer.next(60);
  peer.send(infoResponse('123456'));
  await peer.next(52);
  t.strictSame(proxy.verifier.asked, [{ person: 'alice@example.com', factor: 'totp', code: '123456' }]);
});

for (const [what, name] of [
  ['a second separator', 'alice@web1@web1'],
  ['an option', '-oProxyCommand=x@web1'],
  ['a path', '../../etc/passwd@web1'],
  ['a path behind the separator', 'alice@../web1'],
  ['blanks', 'alice @web1'],
  ['a comma, which divides principals', 'alice,root@web1'],
  ['a NUL', 'alice\0@web1'],
  ['an escape sequence', 'alice\u001b[2J@web1'],
  ['a letter that looks like another', '\u0430lice@web1'],
  ['nothing', ''],
  ['nothing before the separator', '@web1'],
] as const)
  t.test(`a user name with ${what} leads nowhere`, async t => {
    const proxy = await inProcess(t);
    const peer = await rawStranger(proxy.port);
    peer.send(signedRequest(peer.transport.sessionId, name, proxy.alice));
    t.ok(isPartial(await peer.next(51)), 'the key is good');
    peer.send(keyboardInteractive(name));
    t.match(text(await peer.next(60)), /Say ssh ACCOUNT@SERVICE@PROXY/);
    nobodyCameIn(t, proxy);
    t.equal(proxy.verifier.asked.length, 0);
  });

t.test(
  'a service that is none, an account that it does not have, and one that is for others: in the same words',
  async t => {
    const entry = { groups: new Map(), rules: [{ ...entryRule, people: ['alice@example.com'], accounts: ['alice'] }] };
    const said = new Set<string>();
    for (const [name, identity] of [
      ['alice@web2', 'alice'],
      ['root@web1', 'alice'],
      ['alice@constructor', 'alice'],
      ['deploy@web1', 'bob'],
    ] as const) {
      const proxy = await inProcess(t, { proxy: { entry } });
      const peer = await rawStranger(proxy.port);
      peer.send(signedRequest(peer.transport.sessionId, name, proxy[identity]));
      await peer.next(51);
      peer.send(keyboardInteractive(name));
      said.add(text(await peer.next(60)).replace(/\[\w{26}\]/, '[ID]'));
      nobodyCameIn(t, proxy);
      t.match(
        proxy.lines.find(line => line['event'] === 'decision'),
        { decision: 'deny', reason: 'proxy-policy', person: `${identity}@example.com`, account: name.split('@')[0] },
      );
    }
    t.equal(said.size, 1);
    t.match([...said][0], /Policy not assigned: there is no such service, or it is not for you/);
  },
);

t.test('answers: more than were asked, millions of them, none, cut short, or before a question', async t => {
  for (const [what, payload] of [
    ['two', infoResponse('1', '2')],
    ['a count that nobody could keep', Buffer.concat([byte(61), uint32(33_554_432)])],
    ['none', infoResponse()],
    ['one that is cut short', Buffer.concat([byte(61), uint32(1), uint32(7), Buffer.from('12')])],
    ['one with more behind it', Buffer.concat([infoResponse('123456'), byte(0)])],
    ['one of 20 kB', infoResponse('1'.repeat(20_000))],
  ] as const) {
    const proxy = await inProcess(t);
    const peer = await rawStranger(proxy.port);
    peer.send(signedRequest(peer.transport.sessionId, user, proxy.alice));
    await peer.next(51);
    peer.send(keyboardInteractive(user));
    await peer.next(60);
    const before = process.memoryUsage().rss;
    peer.send(payload);
    t.match(await peer.ended(), { text: /an answer to no question/ }, what);
    t.ok(process.memoryUsage().rss - before < 128 * 1024 * 1024, 'and nothing was made ready for it');
    nobodyCameIn(t, proxy);
  }
  const proxy = await inProcess(t);
  const peer = await rawStranger(proxy.port);
  peer.send(infoResponse('123456'));
  t.match(await peer.ended(), { text: /an answer to no question/ });
});

t.test('a client that sends its first requests together with its new keys is heard', async t => {
  const proxy = await inProcess(t);
  const peer = await rawClient(proxy.port, { atOnce: true });
  await peer.next(6);
  peer.socket.destroy();
});

t.test('a session before authentication', async t => {
  const proxy = await inProcess(t);
  for (const early of [
    Buffer.concat([byte(90), string('session'), uint32(0), uint32(1), uint32(1)]),
    Buffer.concat([byte(80), string('tcpip-forward'), byte(1), string(''), uint32(0)]),
    byte(52),
  ]) {
    const peer = await rawStranger(proxy.port);
    peer.send(early);
    t.match(await peer.ended(), { text: /before authentication|disconnected/ });
  }
  const hasty = await rawClient(proxy.port);
  hasty.send(authRequest(user, 'none'));
  t.match(await hasty.ended(), { text: /malformed/ }, 'nor a request before the service');
  nobodyCameIn(t, proxy);
});

t.test('a service that there is not, and one that is not for strangers', async t => {
  const proxy = await inProcess(t);
  for (const name of ['ssh-connection', 'x']) {
    const peer = await rawClient(proxy.port);
    peer.send(byte(5), string(name));
    t.match(await peer.ended(), { text: /no such service/ });
  }
});

t.test('six failures end it; questions about keys are counted apart', async t => {
  const proxy = await inProcess(t);
  const peer = await rawStranger(proxy.port);
  for (let i = 0; i < 10; i++) {
    peer.send(keyQuestion(user, newPair()));
    await peer.next(51);
  }
  for (let i = 0; i < 5; i++) {
    peer.send(authRequest(user, 'password', byte(0), string('x')));
    await peer.next(51);
  }
  peer.send(authRequest(user, 'password', byte(0), string('x')));
  t.match(await peer.ended(), { text: /Too many authentication failures/ });

  proxy.pass(60_000);
  const asker = await rawStranger(proxy.port);
  for (let i = 0; i < 20; i++) {
    asker.send(keyQuestion(user, newPair()));
    await asker.next(51);
  }
  asker.send(keyQuestion(user, newPair()));
  t.match(await asker.ended(), { text: /Too many authentication failures/ });
});

t.test('new keys without end, and megabytes, before authentication', async t => {
  const proxy = await inProcess(t);
  const renewing = rawClient(proxy.port, { limits: { rekeyBytes: 1 } });
  const said = await renewing.then(async peer => (await peer.ended()).text).catch(String); // it may be seen before the end
  t.match(said, /new keys before authentication/);

  const flooding = await rawStranger(proxy.port);
  for (let i = 0; i < 20; i++) flooding.send(byte(2), string(Buffer.alloc(30_000)));
  t.match(await flooding.ended(), { text: /too much before authentication|ECONNRESET|EPIPE|closed|lost/ });
});

t.test('a first line that never ends, is no SSH, or drips', async t => {
  const proxy = await inProcess(t, { proxy: { loginTimeoutMs: 3_000 } });
  const said = async (...parts: string[]): Promise<string> =>
    await new Promise(resolve => {
      let heard = '';
      const socket = connect(proxy.port, '127.0.0.1');
      socket.on('data', data => {
        heard += data.toString('latin1');
        if (heard.includes('curve25519')) socket.destroy(); // it has taken the line
      });
      socket.on('error', () => {}).on('close', () => resolve(heard));
      for (const [i, part] of parts.entries()) setTimeout(() => socket.write(part), i * 20);
    });
  t.match(await said('GET / HTTP/1.1\r\n\r\n'), /^SSH-2.0-trasa_test\r\n$/, 'nothing but our own line');
  t.match(await said(`SSH-2.0-${'x'.repeat(10_000)}`), /^SSH-2.0-trasa_test\r\n$/);
  t.match(await said('SSH-1.5-old\r\n'), /^SSH-2.0-trasa_test\r\n/);
  t.match(await said(), /^SSH-2.0-trasa_test\r\n/, 'silence ends with the time for a login');
  t.match(
    await said('S', 'S', 'H', '-', '2', '.', '0', '-', 'x', '\r', '\n'),
    /curve25519/,
    'in eleven pieces it is whole',
  );
});

t.test('connections by the dozen from one address take no place but their own', async t => {
  const proxy = await inProcess(t, { proxy: { maxStartupsPerAddress: 4, maxStartups: 100 } });
  const held = Array.from({ length: 12 }, () => connect(proxy.port, '127.0.0.1').on('error', () => {}));
  t.teardown(() => held.forEach(socket => socket.destroy()));
  await until('eight of them closed', () => held.filter(socket => socket.closed).length === 8);
  t.equal(proxy.lines.filter(line => line['text'] === 'kept out').length, 8);
  held.forEach(socket => socket.destroy());
  await until('room again', async () => await rawClient(proxy.port).catch(() => undefined));
});

t.test('an address that fails again and again is kept out for a while', async t => {
  const proxy = await inProcess(t);
  for (let i = 0; i < 3; i++) {
    const peer = await rawStranger(proxy.port);
    peer.send(authRequest(user, 'password', byte(0), string('x')));
    await peer.next(51);
    peer.socket.destroy();
    await peer.ended();
  }
  await until(
    'the last to be gone',
    () => proxy.lines.filter(line => line['text'] === 'a stranger is gone').length === 3,
  );
  await t.rejects(rawClient(proxy.port));
  t.match(proxy.lines.at(-1), { text: 'kept out' });
  proxy.pass(20_000);
  await t.resolves(rawClient(proxy.port), 'and then no more');
});

t.test('a login that takes too long is ended, and so is what it has begun', async t => {
  const proxy = await inProcess(t, { proxy: { loginTimeoutMs: 3_000 }, outcome: { kind: 'invalid' } });
  const peer = await rawStranger(proxy.port);
  peer.send(signedRequest(peer.transport.sessionId, user, proxy.alice));
  await peer.next(51);
  peer.send(keyboardInteractive(user));
  await peer.next(60);
  t.match(await peer.ended(), { text: /too long|disconnected/ });
  await until('the decision', () =>
    proxy.lines.some(line => line['event'] === 'decision' && line['reason'] === 'timed-out'),
  );
});

t.test('a code is good once, and so is guessing: wrong codes end the login, and hold the person off', async t => {
  const proxy = await inProcess(t);
  t.equal(await logIn(proxy, '123456'), 'in');
  t.equal(await logIn(proxy, '123456'), 'out', 'replayed');
  t.match(
    proxy.lines.findLast(line => line['event'] === 'decision'),
    { reason: /replayed-code|cancelled|disconnected/ },
  );
  for (let i = 0; i < 2; i++) {
    await logIn(proxy, '000000');
    proxy.pass(60_000);
  }
  t.ok(proxy.memory.throttles.has('person:alice@example.com'), 'counted for the person, wherever they go');
});

t.test("rules for this host's own accounts open nothing at the proxy", async t => {
  const policy = {
    exemptUsers: ['alice'],
    requiredUsers: ['somebody'],
    observe: true,
    failMode: 'safe',
    offlineUsers: ['alice'],
  } as const;
  const outcome = { kind: 'unavailable', cause: 'unreachable', detail: 'away' } as const;
  const proxy = await inProcess(t, { policy, outcome });
  t.equal(await logIn(proxy, '123456'), 'out');
  t.match(
    proxy.lines.findLast(line => line['event'] === 'decision'),
    { decision: 'deny', reason: 'server-unavailable' },
  );
  nobodyCameIn(t, proxy);
});

t.test('a grace is for the same person, key, address, account and service only', async t => {
  const proxy = await inProcess(t, { graceMs: 60_000, service: { accounts: ['alice', 'deploy'] } });
  t.equal(await logIn(proxy, '123456'), 'in');
  const again = await rawStranger(proxy.port);
  again.send(signedRequest(again.transport.sessionId, user, proxy.alice));
  await again.next(52);
  for (const [name, identity] of [
    ['deploy@web1', proxy.alice],
    [user, proxy.bob],
  ] as const) {
    const peer = await rawStranger(proxy.port);
    peer.send(signedRequest(peer.transport.sessionId, name, identity));
    t.ok(isPartial(await peer.next(51)), `${name} is asked`);
    peer.socket.destroy();
  }
  proxy.pass(61_000);
  const late = await rawStranger(proxy.port);
  late.send(signedRequest(late.transport.sessionId, user, proxy.alice));
  t.ok(isPartial(await late.next(51)), 'and not for ever');
});

t.test('passwords: wrong ones are not told apart, are held off, and never go where they do not belong', async t => {
  const proxy = await inProcess(t);
  const ask = async (email: string, password: string): Promise<string> => {
    const peer = await rawStranger(proxy.port);
    peer.send(keyboardInteractive(user));
    t.match(text(await peer.next(60)), /Enter TRASA credentials/);
    peer.send(infoResponse(email, password));
    const said = text(await peer.next(60));
    peer.socket.destroy();
    await peer.ended();
    proxy.pass(20_000);
    return said;
  };
  t.match(await ask('alice@example.com', 'wrong'), /Login Failed/);
  t.match(await ask('nobody@example.com', 'wrong'), /Login Failed/);
  t.match(await ask('my secret password', ''), /Login Failed/);
  t.strictSame(proxy.passwords, ['wrong', 'wrong'], 'what is no TRASA ID goes nowhere');
  for (let i = 0; i < 4; i++) await ask('alice@example.com', 'wrong');
  t.match(await ask('Alice@Example.com', 'wrong'), /Too many wrong passwords/);
  t.notOk(
    [...proxy.memory.throttles.keys()].some(key => key.includes('alice')),
    'what was typed is not kept',
  );
  nobodyCameIn(t, proxy);
});

/** @returns whether the proxy let alice in with this code */
async function logIn(proxy: InProcess, code: string): Promise<'in' | 'out'> {
  const peer = await rawStranger(proxy.port);
  peer.send(signedRequest(peer.transport.sessionId, user, proxy.alice));
  await peer.next(51);
  peer.send(keyboardInteractive(user));
  for (;;) {
    await until('a question, or the end', () => peer.messages.length > 0 || peer.ending !== undefined);
    const outcome = await peer.next(52, 60).catch(() => undefined);
    if (outcome === undefined) return 'out';
    if (outcome[0] === 52) return 'in';
    peer.send(isQuestion(outcome) ? infoResponse(code) : infoResponse());
  }
}

function nobodyCameIn(t: Pick<Test, 'notOk' | 'equal'>, { lines, host }: InProcess): void {
  t.notOk(lines.some(line => line['event'] === 'session-start' || line['decision'] === 'allow'));
  t.equal(host.peers.length, 0, 'and no host was called');
}

function isPartial(failure: Buffer): boolean {
  return failure.at(-1) === 1;
}

function isQuestion(request: Buffer): boolean {
  return /Enter OTP/.test(text(request));
}

function text(payload: Buffer): string {
  return payload.toString('utf8');
}
