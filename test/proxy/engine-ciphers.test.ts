/** Our ciphers against ssh2's, both ways, and against whatever a peer may send. */
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable, type WritableOptions } from 'node:stream';
import t from 'tap';
import { signersOf } from '../../src/proxy/engine/host-keys.ts';
import { nativeCiphers } from '../../src/proxy/engine/native-ciphers.ts';
import { Outbox } from '../../src/proxy/engine/outbox.ts';
import { discard, PacketOpener, PacketSealer, ProtocolError, packetCipher } from '../../src/proxy/engine/packets.ts';
import { engineReady } from '../../src/proxy/engine/transport.ts';
import { Chance, seedOf } from './chance.ts';
import { newHostKey } from './raw-peer.ts';

const require = createRequire(import.meta.url);

/** What is used here of ssh2's own. */
interface Ssh2Ciphers {
  readonly CIPHER_INFO: Readonly<Record<string, { readonly sslName: string }>>;
  createCipher(config: object): { allocPacket(length: number): Buffer; encrypt(packet: Buffer): void };
  createDecipher(config: object): { decrypt(data: Buffer, from: number, to: number): unknown };
}

const ssh2 = require('ssh2/lib/protocol/crypto.js') as Ssh2Ciphers;
const loaded = nativeCiphers();
if (typeof loaded === 'string') throw new Error(loaded);
const ciphers = loaded;
const seed = seedOf(t);

const kinds = [
  ['aes128-gcm@openssh.com', 16, 12],
  ['aes256-gcm@openssh.com', 32, 12],
  ['chacha20-poly1305@openssh.com', 64, 0],
] as const;

t.before(async () => await engineReady);

for (const [name, keyBytes, ivBytes] of kinds) {
  t.test(`${name}: what we seal, ssh2 opens; what ssh2 seals, we open, in whatever pieces it comes`, async t => {
    const chance = new Chance(seed);
    const [key, iv] = [randomBytes(keyBytes), randomBytes(ivBytes)];
    iv.fill(0xff, 4); // the counter goes over all of its bytes
    const payloads = [1, 2, 11, 12, 27, 28, 1000, 32_768 + 9, 34_900].map(length => randomBytes(length));
    const first = 2 ** 32 - 4; // numbers begin again at 0

    const wire = await sealedByUs(name, key, iv, first, payloads);
    t.strictSame(openedBySsh2(name, key, iv, first, chance.pieces(wire)), payloads);
    t.strictSame(
      openedByUs(name, key, iv, first, chance.pieces(sealedBySsh2(name, key, iv, first, payloads))),
      payloads,
    );
    t.strictSame(openedByUs(name, key, iv, first, chance.pieces(wire)), payloads);
    t.strictSame(
      openedByUs(
        name,
        key,
        iv,
        first,
        [...wire].map(one => Buffer.of(one)),
      ),
      payloads,
      'byte by byte',
    );
  });

  t.test(`${name}: nothing that was changed, cut or moved is opened`, async t => {
    const chance = new Chance(seed);
    const [key, iv] = [randomBytes(keyBytes), randomBytes(ivBytes)];
    const wire = await sealedByUs(name, key, iv, 0, [Buffer.from('one'), Buffer.from('two')]);
    for (let at = 0; at < wire.length; at++) {
      const changed = Buffer.from(wire);
      changed[at] = (changed[at] ?? 0) ^ (1 << chance.below(8));
      const opened: Buffer[] = [];
      try {
        openedByUs(name, key, iv, 0, [changed, Buffer.alloc(40_000)], opened);
        t.fail(`byte ${at}`);
      } catch (error) {
        if (!(error instanceof ProtocolError)) t.fail(`byte ${at}: ${String(error)}`);
      }
      if (opened.length > (at < wire.length / 2 ? 0 : 1)) t.fail(`byte ${at} was opened`);
    }
    t.throws(
      () => openedByUs(name, key, iv, 1, [wire.subarray(wire.length / 2), wire]),
      /does not authenticate|Bad/,
      'a replay',
    );
  });
}

t.test('what could not be sealed is not sent, as it is or otherwise', async t => {
  const name = 'aes128-gcm@openssh.com';
  const cipher = cipherOf(name, true, randomBytes(16), randomBytes(12));
  const seal = (): never => {
    throw new Error('OpenSSL failed');
  };
  for (const [broken, payload] of [
    [{ ...cipher, ciphers: { ...ciphers, seal } }, Buffer.from('secret')],
    [cipher, Buffer.alloc(200_000)],
  ] as const) {
    const { wire, socket } = wiretap();
    const sealer = new PacketSealer(broken, 0, new Outbox(socket, () => {}));
    t.throws(() => sealer.seal(payload));
    await new Promise(setImmediate);
    t.strictSame(wire, []);
  }
});

t.test('padding that is none', async t => {
  const [key, iv] = [randomBytes(16), randomBytes(12)];
  for (const padding of [0, 3, 16, 255]) {
    const packet = Buffer.alloc(4 + 16 + 16);
    packet.writeUInt32BE(16);
    packet[4] = padding;
    ciphers.seal(ciphers.makeKey(true, key, iv), 0, packet, 0, 16);
    t.throws(
      () => openedByUs('aes128-gcm@openssh.com', key, iv, 0, [packet]),
      { message: 'Bad padding' },
      String(padding),
    );
  }
});

t.test('an address outside of the bytes, or a key that is none, is never used', async t => {
  const [key, iv, bytes] = [randomBytes(16), randomBytes(12), Buffer.alloc(100)];
  const [seals, opens] = [ciphers.makeKey(true, key, iv), ciphers.makeKey(false, key, iv)];
  for (const [at, length] of [
    [0, 81],
    [1, 80],
    [101, 0],
    [80, 1],
    [0, 0xffffffff],
    [0xffffffff, 16],
  ] as const) {
    t.throws(() => ciphers.seal(seals, 0, bytes, at, length), /wrong arguments/);
    t.throws(() => ciphers.open(opens, 0, bytes, at, length), /wrong arguments/);
  }
  t.throws(() => ciphers.lengthOf(opens, 0, bytes, 97), /wrong arguments/);
  t.throws(() => ciphers.seal(opens, 0, bytes, 0, 16), /wrong arguments/, 'the key of the other direction');
  t.throws(() => ciphers.open(seals, 0, bytes, 0, 16), /wrong arguments/);
  for (const none of [{}, undefined, 7, bytes])
    t.throws(() => ciphers.seal(none as unknown as typeof seals, 0, bytes, 0, 16));
  for (const [wrong, wrongIv] of [
    [randomBytes(24), iv],
    [key, randomBytes(8)],
    [randomBytes(64), iv],
    [randomBytes(0), randomBytes(0)],
  ] as const)
    t.throws(() => ciphers.makeKey(true, wrong, wrongIv), /no such cipher/);
});

t.test('the same under the sanitizers of the compiler', async t => {
  const addon = join(mkdtempSync(join(tmpdir(), 'trasa-addon-')), 'sanitized.node');
  const flags =
    '-O1 -g -U_FORTIFY_SOURCE -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all';
  execFileSync('sh', ['tools/build-native.sh', 'trasa_ssh'], {
    env: { ...process.env, OUT: addon, CC: 'gcc', CFLAGS: flags },
    stdio: 'pipe',
  });
  const runtime = execFileSync('gcc', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim();
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, '../fixtures/sanitized-ciphers.ts'), addon, String(seed)],
    { encoding: 'utf8', env: { LD_PRELOAD: runtime, ASAN_OPTIONS: 'detect_leaks=0' } },
  );
  t.equal(status, 0, stderr);
  t.match(stdout, /^sealed and opened \d{3,}, refused \d{3,}/);
});

t.test('keys are handed over: stock ssh2 takes nobody else’s ciphers', async t => {
  t.strictSame(await asked('ssh2/lib/protocol/Protocol.js'), ['in', 'in', 'out', 'out']);
  t.strictSame(await asked('ssh2/stock/protocol/Protocol.js'), []);
});

t.test('the memory of a read is given back, that of others never', async t => {
  const whole = Buffer.allocUnsafeSlow(65_536);
  discard(whole);
  t.equal(whole.length, 0);
  for (const kept of [Buffer.alloc(100_000).subarray(1), Buffer.from('pooled'), Buffer.alloc(100)]) {
    const { length } = kept;
    discard(kept);
    t.equal(kept.length, length);
  }
});

async function sealedByUs(name: string, key: Buffer, iv: Buffer, first: number, payloads: Buffer[]): Promise<Buffer> {
  const cipher = cipherOf(name, true, key, iv);
  const { wire, socket } = wiretap();
  const sealer = new PacketSealer(cipher, first, new Outbox(socket, () => {}));
  for (const payload of payloads) sealer.seal(payload);
  await new Promise(setImmediate);
  return Buffer.concat(wire);
}

function wiretap(): { wire: Buffer[]; socket: Writable } {
  const wire: Buffer[] = [];
  const write: WritableOptions['write'] = (chunk: Buffer, _encoding, written) => {
    wire.push(Buffer.from(chunk));
    written();
  };
  return { wire, socket: new Writable({ write }) };
}

function sealedBySsh2(name: string, key: Buffer, iv: Buffer, first: number, payloads: Buffer[]): Buffer {
  const wire: Buffer[] = [];
  const cipher = ssh2.createCipher({
    outbound: {
      cipherInfo: ssh2.CIPHER_INFO[name],
      cipherKey: Buffer.from(key),
      cipherIV: Buffer.from(iv),
      seqno: first,
      onWrite: (piece: Uint8Array) => wire.push(Buffer.from(piece)),
    },
  });
  for (const payload of payloads) {
    const packet = cipher.allocPacket(payload.length);
    packet.set(payload, 5);
    cipher.encrypt(packet);
  }
  return Buffer.concat(wire);
}

function openedByUs(name: string, key: Buffer, iv: Buffer, first: number, pieces: Buffer[], into: Buffer[] = []) {
  const cipher = cipherOf(name, false, key, iv);
  const keep = (payload: Buffer): void => void into.push(Buffer.from(payload));
  const opener = new PacketOpener(cipher, first, keep, () => true);
  for (const piece of pieces) {
    const read = Buffer.from(piece); // it is opened where it lies
    opener.decrypt(read, 0, read.length);
  }
  return into;
}

function openedBySsh2(name: string, key: Buffer, iv: Buffer, first: number, pieces: Buffer[]): Buffer[] {
  const opened: Buffer[] = [];
  const decipher = ssh2.createDecipher({
    inbound: {
      decipherInfo: ssh2.CIPHER_INFO[name],
      decipherKey: Buffer.from(key),
      decipherIV: Buffer.from(iv),
      seqno: first,
      onPayload: (payload: Buffer) => void opened.push(Buffer.from(payload)),
    },
  });
  for (const piece of pieces) decipher.decrypt(piece, 0, piece.length);
  return opened;
}

function cipherOf(name: string, seals: boolean, key: Buffer, iv: Buffer) {
  const sslName = ssh2.CIPHER_INFO[name]?.sslName ?? '';
  const cipher = packetCipher(ciphers, sslName, seals, key, iv);
  if (cipher === undefined) throw new Error(`no ${name}`);
  return cipher;
}

/** Two ends of that ssh2 exchange keys in memory: who was asked for ciphers? */
async function asked(protocol: string): Promise<string[]> {
  const Protocol = require(protocol) as new (
    config: object,
  ) => {
    start(): void;
    parse(data: Buffer, from: number, to: number): void;
    cleanup(): void;
  };
  const asks: string[] = [];
  const queues: [Buffer[], Buffer[]] = [[], []];
  let done = 0;
  const end = (mine: 0 | 1, more: object) =>
    Object.assign(
      new Protocol({
        ident: 'x',
        offer: undefined,
        onWrite: (data: Uint8Array) => queues[mine].push(Buffer.from(data)),
        onError: (error: Error) => {
          throw error;
        },
        onHandshakeComplete: () => done++,
        ...more,
      }),
      { _newCipher: () => void asks.push('out'), _newDecipher: () => void asks.push('in') },
    );
  const server = end(0, { server: true, hostKeys: signersOf([newHostKey()]) });
  const client = end(1, { server: false, hostVerifier: () => true });
  server.start();
  client.start();
  for (;;) {
    const [forClient, forServer] = [queues[0].shift(), queues[1].shift()];
    if (forClient === undefined && forServer === undefined) break;
    if (forClient !== undefined) client.parse(forClient, 0, forClient.length);
    if (forServer !== undefined) server.parse(forServer, 0, forServer.length);
  }
  server.cleanup();
  client.cleanup();
  if (done !== 2) throw new Error('it stands still');
  return asks.toSorted();
}
