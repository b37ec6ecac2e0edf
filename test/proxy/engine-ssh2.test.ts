/** Each patch of tools/ssh2-patches/, and each bound of the transport: what stock ssh2 1.17.0 does, and what ours does. */
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import t from 'tap';
import { certAlgorithm } from '../../src/proxy/engine/algorithms.ts';
import { Identification } from '../../src/proxy/engine/identification.ts';
import { encodePublicKey } from '../../src/ssh/public-key.ts';
import { byte, string } from '../../src/ssh/wire.ts';
import { until } from '../helpers/e2e/until.ts';
import { certify, newCa, newPair, ordinary } from '../ssh/authority.ts';
import { newHostKey, rawClient, rawServer } from './raw-peer.ts';

const require = createRequire(import.meta.url);
const stock = (file: string): string => require.resolve(`ssh2/stock/protocol/${file}`);
const ours = (file: string): string => require.resolve(`ssh2/lib/protocol/${file}`);

t.test('the version is the one that the patches are for', async t => {
  t.equal((require('ssh2/package.json') as { version: string }).version, '1.17.0');
});

t.test('key exchange: mlkem768x25519-sha256 between our two ends', async t => {
  const server = await rawServer();
  t.teardown(() => server.stop());
  const client = await rawClient(server.port);
  t.equal(client.transport.keyExchange, 'mlkem768x25519-sha256');
  const peer = await until('the other end', () => server.peers.find(({ isReady }) => isReady));
  t.strictSame(client.transport.sessionId, peer.transport.sessionId);
  t.equal(
    exchangesOf(stock('kex.js')),
    'Unsupported key exchange algorithm: mlkem768x25519-sha256',
    'stock ssh2 has none',
  );
  t.notMatch(exchangesOf(ours('kex.js')), /Unsupported/);
});

for (const type of ['ed25519', 'ecdsa-256', 'ecdsa-384', 'rsa-2048'] as const)
  t.test(`host certificates: of a key of type ${type}, in both roles`, async t => {
    const { privateKey, key } = newPair(type);
    const fields = { ...ordinary, key, type: 'host', principals: ['web1'] } as const;
    const certificate = certify(newCa(), fields);
    const server = await rawServer(undefined, { privateKey, publicKey: key, certificate });
    t.teardown(() => server.stop());
    const names = key.type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [key.type];
    for (const name of names) {
      let seen: Buffer | undefined;
      const isTrusted = (blob: Buffer): boolean => {
        seen = Buffer.from(blob);
        return true;
      };
      await rawClient(server.port, { hostKeyAlgorithms: [certAlgorithm(name)], isTrusted });
      t.strictSame(seen, certificate);
      await rawClient(server.port, { hostKeyAlgorithms: [name], isTrusted });
      t.strictSame(seen, encodePublicKey(key), 'and the plain key where no certificate is asked for');
    }
    t.notMatch(sourceOf(stock('kex.js')), /cert-v01/, 'stock ssh2 has none');
  });

t.test('a host certificate of one key, and a signature by another', async t => {
  const { key } = newPair();
  const fields = { ...ordinary, key, type: 'host', principals: ['web1'] } as const;
  const certificate = certify(newCa(), fields);
  const server = await rawServer(undefined, { ...newHostKey(), certificate });
  t.teardown(() => server.stop());
  await t.rejects(rawClient(server.port, { hostKeyAlgorithms: [certAlgorithm('ssh-ed25519')] }), {
    message: /signature verification failed/,
  });
});

t.test('a host that is not trusted gets nothing, and neither does one with another key than it shows', async t => {
  const server = await rawServer();
  t.teardown(() => server.stop());
  await t.rejects(rawClient(server.port, { isTrusted: () => false }), { message: /Host denied/ });
  t.notOk(server.peers[0]?.isReady);
  const liar = await rawServer(undefined, { ...newHostKey(), publicKey: newPair().key });
  t.teardown(() => liar.stop());
  await t.rejects(rawClient(liar.port), { message: /signature verification failed/ });
});

t.test('server-sig-algs: every name by itself, and no SHA-1', async t => {
  t.strictSame(sigAlgs(ours('Protocol.js')), [
    'ssh-ed25519',
    'ecdsa-sha2-nistp256',
    'ecdsa-sha2-nistp384',
    'ecdsa-sha2-nistp521',
    'rsa-sha2-512',
    'rsa-sha2-256',
    'sk-ssh-ed25519@openssh.com',
    'sk-ecdsa-sha2-nistp256@openssh.com',
  ]);
  t.ok(sigAlgs(stock('Protocol.js')).includes('ecdsa-sha2-nistp521rsa-sha2-512'), 'as stock ssh2 has it');
  t.ok(sigAlgs(stock('Protocol.js')).includes('ssh-rsa'));
});

t.test('a first line in pieces: stock ssh2 loses the middle', async t => {
  t.match(afterPieces(stock('Protocol.js')), /no header/);
  const gathered = new Identification('server');
  for (const piece of ['SS', 'H-2.0-a', 'bc', '\r']) t.equal(gathered.receive(Buffer.from(piece)), undefined);
  t.strictSame(gathered.receive(Buffer.from('\nrest')), Buffer.from('SSH-2.0-abc\r\nrest'));
});

t.test('new keys by volume, both ways, while data flows', async t => {
  const server = await rawServer();
  t.teardown(() => server.stop());
  const client = await rawClient(server.port, { limits: { rekeyBytes: 200_000 } });
  const first = client.transport.sessionId;
  for (let i = 0; i < 64; i++) client.send(byte(94), Buffer.alloc(30_000, i));
  const [peer] = server.peers;
  await until('all of it', () => peer?.messages.length === 64);
  t.strictSame(
    peer?.messages.map(one => one.at(-1)),
    Array.from({ length: 64 }, (_, i) => i),
    'in order',
  );
  t.strictSame(client.transport.sessionId, first, 'the session stays the same');
  peer?.send(byte(94), string('back'));
  t.match((await client.next(94)).toString('latin1'), /back/);
});

t.test('what a listener keeps stays as it was, and what it has passed on is gone', async t => {
  const server = await rawServer();
  t.teardown(() => server.stop());
  const client = await rawClient(server.port);
  const peer = await until('the other end', () => server.peers.find(({ isReady }) => isReady));
  const kept: Buffer[] = [];
  const passed: Buffer[] = [];
  peer.message = payload => {
    (payload.at(-1) === 0 ? kept : passed).push(payload);
    return payload.at(-1) === 0 ? undefined : 'passed';
  };
  const sent = [0, 1].flatMap(last => Array.from({ length: 32 }, (_, i) => Buffer.alloc(30_000, i).fill(last, 29_999)));
  for (const data of sent) {
    client.send(byte(94), data);
    await new Promise(setImmediate);
  }
  await until('all of it', () => kept.length + passed.length === sent.length);
  t.strictSame(
    kept.map(one => one.subarray(1)),
    sent.slice(0, 32),
  );
  t.ok(passed.some(one => one.length === 0));
});

t.test('keys are exchanged with whoever is not listened to: two legs would wait for each other', async t => {
  const server = await rawServer();
  t.teardown(() => server.stop());
  const client = await rawClient(server.port, { limits: { rekeyMs: 1_000 } });
  const peer = await until('the other end', () => server.peers.find(({ isReady }) => isReady));
  client.transport.pause();
  const before = peer.socket.bytesRead;
  await until('new keys', () => peer.socket.bytesRead > before + 500);
  client.send(byte(94), string('after that'));
  t.match((await peer.next(94)).toString('latin1'), /after that/);
});

t.test('new keys take as long as it takes to read, and to say what was said before; not longer', async t => {
  const [server, silent] = [await rawServer(), await rawServer()];
  t.teardown(() => [server, silent].forEach(one => one.stop()));
  const limits = { rekeyMs: 50, handshakeMs: 2_000 };
  const [stopped, behind] = [await rawClient(server.port, { limits }), await rawClient(server.port, { limits })];
  const [first, second] = await until('the other ends', () =>
    server.peers[1]?.isReady === true ? server.peers : undefined,
  );
  stopped.transport.pause();
  second?.transport.pause();
  for (let i = 0; i < 400; i++) behind.send(byte(94), Buffer.alloc(30_000));

  const unanswered = await rawClient(silent.port, { limits });
  silent.peers[0]?.transport.pause();
  t.match(await unanswered.ended(), { text: 'the exchange of keys took too long' });

  t.equal(stopped.ending, undefined);
  stopped.transport.resume();
  first?.send(byte(94), string('still there'));
  t.match((await stopped.next(94)).toString('latin1'), /still there/);
  t.equal(behind.ending, undefined);
  second?.transport.resume();
  await until('all of it', () => second?.messages.length === 400);
});

t.test('a length that is none, and a packet that was changed on its way', async t => {
  const server = await rawServer();
  t.teardown(() => server.stop());
  const client = await rawClient(server.port);
  client.socket.write(Buffer.alloc(64, 0xff));
  const peer = await until('the peer', () => server.peers[0]);
  t.match(await peer.ended(), { kind: 'peer', text: /Bad packet length|authenticate/ });
});

/** What stock or patched ssh2 says when asked for that exchange. */
function exchangesOf(kex: string): string {
  return inNode(`
    const { HANDLERS, KexInit } = require(${JSON.stringify(kex)});
    const list = { kex: ['mlkem768x25519-sha256'], serverHostKey: ['ssh-ed25519'] };
    const way = { cipher: ['aes128-gcm@openssh.com'], mac: [], compress: ['none'], lang: [] };
    const offer = new KexInit({ ...list, cs: way, sc: way });
    const me = { _server: true, _offer: offer, _decipher: { inSeqno: 1 }, _compatFlags: 0, _packetRW: {} };
    const payload = Buffer.alloc(17 + offer.totalSize + 5);
    offer.copyAllTo(payload, 17);
    try { HANDLERS[20](me, payload); console.log('made'); } catch (error) { console.log(error.message); }`);
}

function sigAlgs(protocol: string): string[] {
  const source = sourceOf(protocol);
  const [, list = ''] = /let serverSigAlgs =\s*((?:'[^']*'[\s+]*)+);/.exec(source) ?? [];
  return `ssh-ed25519,${list.replace(/'[\s+]*'|'/g, '')}`.split(',');
}

function afterPieces(protocol: string): string {
  return inNode(`
    const Protocol = require(${JSON.stringify(protocol)});
    let header = 'no header';
    const me = new Protocol({ server: true, hostKeys: {}, onWrite() {}, onError() {}, onHeader: ({ identRaw }) => { header = identRaw; } });
    for (const piece of ['SS', 'H-2.0-a', 'bc', '\\r', '\\n']) {
      const bytes = Buffer.from(piece);
      try { me.parse(bytes, 0, bytes.length); } catch (error) { header = 'no header: ' + error.message; }
    }
    console.log(header);`);
}

function sourceOf(file: string): string {
  return execFileSync('cat', [file], { encoding: 'utf8' });
}

function inNode(script: string): string {
  return execFileSync(process.execPath, ['-e', script], { encoding: 'utf8', env: {} }).trim();
}
