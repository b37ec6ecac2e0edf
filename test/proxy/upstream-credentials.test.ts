/** What a host is offered, in which order, and what it can get out of the proxy or the person: nothing but their answers. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { HostKey } from '../../src/proxy/engine/host-keys.ts';
import { serviceAccept } from '../../src/proxy/messages/userauth.ts';
import { publicKeyLine } from '../../src/ssh/key-line.ts';
import { encodePublicKey } from '../../src/ssh/public-key.ts';
import { byte, string, uint32, WireReader } from '../../src/ssh/wire.ts';
import { HostKeyStore } from '../../src/store/host-keys.ts';
import { until } from '../helpers/e2e/until.ts';
import { certify, newCa, newPair, type TestCa } from '../ssh/authority.ts';
import { answer, type InProcess, inProcess } from './in-process.ts';
import { answerBoth, infoResponse, newHostKey, type RawPeer, rawStranger } from './raw-peer.ts';

const user = 'alice@web1';
const vaultPassword = 'of the vault, never to be seen';
const passwordFile = join(mkdtempSync(join(tmpdir(), 'trasa-vault-')), 'password');
writeFileSync(passwordFile, `${vaultPassword}\n`, { mode: 0o600 });

t.test('the order is that of the configuration, and what the host does not take is left out', async t => {
  const proxy = await inProcess(t, {
    met: host((peer, method) => peer.send(method === 'password' ? byte(52) : failure('publickey,password'))),
    service: { credentials: ['certificate', 'password', 'ask'], passwordFile },
  });
  const peer = await person(proxy);
  await peer.next(52);
  t.strictSame(methods(proxy), ['publickey', 'password']);
  t.notMatch(JSON.stringify(proxy.lines), vaultPassword);
});

t.test('a password of the vault answers no question, whatever the question is', async t => {
  const proxy = await inProcess(t, {
    met: host((peer, method) => {
      if (method === 'publickey') peer.send(failure('keyboard-interactive'));
      else if (method === 'keyboard-interactive') peer.send(question('Enter Password (TRASA): '));
    }),
    service: { credentials: ['certificate', 'password', 'ask'], passwordFile },
  });
  const peer = await person(proxy);
  const asked = (await peer.next(60)).toString();
  t.match(asked, /The host web1 asks, not this proxy/);
  t.match(asked, /web1: Enter Password \(TRASA\): /, 'it does not look like a question of the proxy');
  t.strictSame(methods(proxy), ['publickey', 'keyboard-interactive']);
  t.notOk(
    proxy.host.peers[0]?.messages.some(one => one[0] === 61),
    'nobody answers but the person',
  );
});

t.test('prompts without end are cut', async t => {
  const proxy = await inProcess(t, {
    met: host((peer, method) => {
      if (method === 'publickey') peer.send(failure('keyboard-interactive', true));
      else peer.send(question('x'.repeat(30_000), 'y'.repeat(4_000)));
    }),
  });
  const peer = await person(proxy);
  t.ok((await peer.next(60)).length < 2_000);
});

t.test('six tries and no more, three of them questions to the person', async t => {
  const proxy = await inProcess(t, {
    met: host(peer => peer.send(failure('publickey,password'))),
    service: { credentials: ['certificate', 'password', 'ask'], passwordFile },
  });
  const peer = await person(proxy);
  for (let i = 0; i < 3; i++) {
    t.match((await peer.next(60)).toString(), /Upstream password.*Enter Password\(Upstream Server\): /s);
    peer.send(infoResponse(`guess ${i}`));
    t.match((await peer.next(60)).toString(), i < 2 ? /Login Failed/ : /Login Failed|does not let you in/);
    peer.send(infoResponse());
  }
  await until('the end', () => proxy.lines.some(line => /it took none/.test(String(line['why']))));
  t.strictSame(methods(proxy), ['publickey', 'password', 'password', 'password', 'password']);
  t.notMatch(JSON.stringify(proxy.lines), /guess/);
});

t.test('a host that has had enough earlier: that is what is said', async t => {
  const proxy = await inProcess(t, {
    met: host((peer, method) => {
      if (method === 'publickey') peer.send(failure('publickey,password'));
      else peer.transport.disconnect(2, 'Too many authentication failures');
    }),
    service: { credentials: ['certificate', 'password', 'ask'], passwordFile },
  });
  const peer = await person(proxy);
  t.match((await peer.next(60)).toString(), /The host closed the connection before it let you in/);
  t.match(
    proxy.lines.findLast(line => line['text'] === 'refused'),
    { why: /Too many authentication failures/ },
  );
});

t.test('a host that wants a new password gets none', async t => {
  const proxy = await inProcess(t, {
    met: host((peer, method) => peer.send(method === 'password' ? question('New password: ') : failure('password'))),
    service: { credentials: ['password'], passwordFile },
  });
  const peer = await person(proxy);
  t.match((await peer.next(60)).toString(), /The host wants a new password first/);
});

t.test('first use: the host hears nothing before the person says yes, on the one connection that there is', async t => {
  const proxy = await inProcess(t, { service: { hostKeys: [], firstUse: 'ask' } });
  const peer = await person(proxy);
  t.match((await peer.next(60)).toString(), /The key of 127\.0\.0\.1:\d+ is SHA256:\S{43} \(ED25519\)\./);
  peer.send(infoResponse());
  t.match((await peer.next(60)).toString(), /Host key verify/);
  t.strictSame(proxy.host.peers[0]?.messages, []);
  peer.send(infoResponse('Yes'));
  await peer.next(52);
  t.equal(proxy.host.peers.length, 1);
  t.match(storedKeys(proxy), [{ state: 'pinned', by: 'alice@example.com' }]);
});

t.test('a key that the host shows and does not have is not asked about, and not kept', async t => {
  const hostKey = { ...newHostKey(), publicKey: newPair().key };
  for (const firstUse of ['ask', 'hold'] as const) {
    const proxy = await inProcess(t, { hostKey, service: { hostKeys: [], firstUse } });
    const peer = await person(proxy);
    t.match((await peer.next(60)).toString(), /The SSH server is down/);
    t.strictSame(storedKeys(proxy), []);
    t.strictSame(proxy.host.peers[0]?.messages, []);
  }
});

t.test('firstUse = "hold": the key waits, and the person is told', async t => {
  const proxy = await inProcess(t, { service: { hostKeys: [], firstUse: 'hold' } });
  const peer = await person(proxy);
  t.match((await peer.next(60)).toString(), /an administrator has to accept it first/);
  t.match(storedKeys(proxy), [{ state: 'held', blob: encodePublicKey(proxy.host.hostKey.publicKey) }]);
  t.strictSame(proxy.host.peers[0]?.messages, []);
});

t.test(
  'a certificate of the host: by another CA it may be taken on first use, in the words of the original; a bad one may not',
  async t => {
    const key = newHostKey();
    const [ours, foreign] = [newCa(), newCa()];
    const now = BigInt(Math.floor(Date.now() / 1000));
    const hostOf = (ca: TestCa, validBefore: bigint): HostKey => {
      const fields = {
        key: key.publicKey,
        type: 'host',
        principals: ['127.0.0.1'],
        validAfter: 0n,
        validBefore,
      } as const;
      return { ...key, certificate: certify(ca, { ...fields, extensions: new Map() }) };
    };
    const service = { hostKeys: [], hostCAs: [ours.publicKey], firstUse: 'ask' } as const;

    const proxy = await inProcess(t, { service, hostKey: hostOf(foreign, now + 600n) });
    const peer = await person(proxy);
    await peer.next(60);
    peer.send(infoResponse());
    t.match(
      (await peer.next(60)).toString(),
      /Upstream Host provided a certificate which could not be verified\. Do you want/,
    );
    peer.send(infoResponse('yes'));
    await peer.next(52);
    t.match(storedKeys(proxy), [{ state: 'pinned', blob: encodePublicKey(key.publicKey) }]);

    const expired = await inProcess(t, { service, hostKey: hostOf(ours, now - 60n) });
    t.match((await (await person(expired)).next(60)).toString(), /could not verify host/);
    const good = await inProcess(t, { service, hostKey: hostOf(ours, now + 600n) });
    await (await person(good)).next(52);
    t.strictSame(storedKeys(good), []);
  },
);

t.test('a host on the way with another key than its own: that is as far as it goes', async t => {
  const proxy = await inProcess(t, {
    service: base => ({
      via: { service: { ...base, name: 'bastion', hostKeys: [newPair().key] }, account: 'jump' },
    }),
  });
  t.match((await (await person(proxy)).next(60)).toString(), /could not verify host: its key is SHA256/);
  t.strictSame(
    proxy.host.peers.map(peer => peer.messages),
    [[]],
  );
  t.match(
    proxy.lines.findLast(line => line['text'] === 'refused'),
    { why: /^upstream, on the way \(bastion\): host key: its key is not the pinned one/ },
  );
});

t.test('a vault that is not in order keeps the proxy from starting', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'trasa-vault-'));
  const file = (name: string, content: string, mode = 0o600): string => {
    writeFileSync(join(folder, name), content, { mode });
    return join(folder, name);
  };
  const publicKey = file('pub', publicKeyLine(newPair().key));
  for (const [service, why] of [
    [{ credentials: ['key'], keyFile: join(folder, 'none') }, /web1: keyFile .*none/],
    [{ credentials: ['key'], keyFile: publicKey }, /web1: keyFile .* is no private key that this passphrase opens/],
    [{ credentials: ['password'], passwordFile: file('open', 'x', 0o644) }, /can be read by everyone/],
    [{ credentials: ['password'], passwordFile: file('empty', '') }, /the password, is empty/],
  ] as const)
    await t.rejects(inProcess(t, { service }), why);
});

/** Somebody who has passed the second factor. */
async function person(proxy: InProcess): Promise<RawPeer> {
  const peer = await rawStranger(proxy.port);
  await answerBoth(peer, user, proxy.alice);
  return peer;
}

/** A host that does this with each request of a login, by its method; and asks again when it was answered. */
function host(respond: (peer: RawPeer, method: string) => void): (peer: RawPeer) => void {
  return peer =>
    answer(peer, payload => {
      if (payload[0] === 5) peer.send(serviceAccept('ssh-userauth'));
      if (payload[0] === 50) respond(peer, methodOf(payload));
    });
}

function methodOf(payload: Buffer): string {
  const reader = new WireReader(payload);
  reader.byte();
  reader.string();
  reader.string();
  return reader.text();
}

function methods({ host: { peers } }: InProcess): string[] {
  return (peers[0]?.messages ?? []).filter(one => one[0] === 50).map(methodOf);
}

function failure(list: string, isPartial = false): Buffer {
  return Buffer.concat([byte(51), string(list), byte(isPartial ? 1 : 0)]);
}

function question(text: string, instruction = ''): Buffer {
  return Buffer.concat([byte(60), string(''), string(instruction), string(''), uint32(1), string(text), byte(0)]);
}

function storedKeys({ stateDirectory, host: { port } }: InProcess) {
  const store = new HostKeyStore(stateDirectory);
  try {
    return store.keysOf({ host: '127.0.0.1', port });
  } finally {
    store.close();
  }
}
