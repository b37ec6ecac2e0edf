/** Several workers: what is one for all of them, what ends with one of them, and what a new configuration changes. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { standardConfig } from '../../src/config/standard-config.ts';
import { Crew } from '../../src/proxy/crew/crew.ts';
import type { ToPrimary, WorkerProcess } from '../../src/proxy/crew/messages.ts';
import { byte, string } from '../../src/ssh/wire.ts';
import { LoginStore } from '../../src/store/login-store.ts';
import { until } from '../helpers/e2e/until.ts';
import { type InProcess, inProcess } from './in-process.ts';
import { infoResponse, keyboardInteractive, type RawPeer, rawStranger, signedRequest } from './raw-peer.ts';

const user = 'alice@web1';
const two = { workers: 2 } as const;

t.test('connections go to the worker that has the fewest, sessions and strangers alike', async t => {
  const proxy = await inProcess(t, { proxy: two });
  await session(proxy);
  for (let i = 0; i < 3; i++) await rawStranger(proxy.port);
  t.strictSame(
    proxy.workers.map(worker => worker.admitted),
    [2, 2],
  );
});

t.test('the number of sessions is one for all workers, and a place is given back', async t => {
  const proxy = await inProcess(t, { proxy: { ...two, maxSessions: 2 } });
  const [first] = [await session(proxy), await session(proxy)];
  const third = await rawStranger(proxy.port);
  await answerCode(proxy, third);
  t.match(String(await third.next(60)), /Too many sessions/);
  proxy.pass(400_000);
  first.socket.destroy();
  await until('its end', () => proxy.lines.some(line => line['event'] === 'session-end'));
  await session(proxy);
});

t.test('one push waits for a person, in whatever worker; it goes with its worker', async t => {
  const proxy = await inProcess(t, { proxy: two, outcome: new Promise<never>(() => {}) });
  const first = await push(proxy);
  t.match(String(await first.next(60)), /Push sent/);
  const second = await push(proxy);
  t.match(String(await second.next(60)), /Another login of yours/);
  proxy.workers[0]?.kill();
  await replaced(proxy);
  const third = await push(proxy);
  t.match(String(await third.next(60)), /Push sent/);
});

t.test('one code at two workers at once lets one in, and wrong ones add up', async t => {
  const proxy = await inProcess(t, { proxy: two, onDisk: true });
  const store = new LoginStore(proxy.stateDirectory, { now: () => Date.now() });
  t.teardown(() => store.close());
  const failures = (): number | undefined => store.throttleOf('person:alice@example.com')?.failures;

  const guessing = await atOnce(proxy, '654321', '765432');
  await Promise.all(guessing.map(async peer => await peer.next(60)));
  t.equal(failures(), 2);

  const peers = await atOnce(proxy, '123456', '123456');
  await Promise.any(peers.map(async peer => await peer.next(52)));
  await Promise.any(peers.map(async peer => await peer.next(60)));
  const decisions = proxy.lines.filter(line => line['event'] === 'decision');
  t.strictSame(
    decisions.map(line => line['decision']),
    ['allow'],
  );
  t.equal(proxy.workers[0]?.admitted, proxy.workers[1]?.admitted);
});

t.test('a worker that ends is replaced, and those that are in others stay', async t => {
  const proxy = await inProcess(t, { proxy: { ...two, maxSessions: 2 } });
  const lost = await session(proxy);
  const other = await session(proxy);
  proxy.workers[0]?.kill();
  await lost.ended();
  await replaced(proxy);
  t.match(
    proxy.lines.find(line => /a worker has ended/.test(String(line['text']))),
    { how: 'SIGKILL' },
  );
  await session(proxy); // the place of the lost session is free
  other.send(keepAlive);
  await until('the host of the other', () => proxy.host.peers[1]?.messages.some(one => one[0] === 80));
});

t.test('a worker that hangs is killed, and its places are free again', async t => {
  const proxy = await inProcess(t, { proxy: { ...two, workers: 1, maxSessions: 1 }, lookMs: 50 });
  await session(proxy);
  proxy.workers[0]?.hang();
  await until('its end', () => proxy.lines.some(line => line['text'] === 'a worker hangs, and is killed'));
  await replaced(proxy);
  await session(proxy);
});

t.test('what workers count is one sum, and goes on when they are gone', async t => {
  const proxy = await inProcess(t, { proxy: { ...two, metrics: { host: '127.0.0.1', port: 0 } } });
  const page = async (path: string): Promise<string> => {
    const port = Number(proxy.lines.find(line => line['text'] === 'metrics')?.['port']);
    return await (await fetch(`http://127.0.0.1:${port}/${path}`)).text();
  };
  await session(proxy);
  await session(proxy);
  const started = /^trasa_proxy_sessions_started_total 2$/m;
  t.match(await page('metrics'), started);
  t.match(await page('metrics'), /^trasa_proxy_sessions 2$/m);
  t.match(await page('metrics'), /^trasa_proxy_connections_total\{let_near="yes"\} 2$/m);
  t.match(await page('metrics'), /^process_resident_memory_bytes\{process="worker"\} \d+$/m);
  proxy.workers[0]?.kill();
  await replaced(proxy);
  t.match(await page('metrics'), started);
  t.equal(await page('readyz'), 'ready\n');
});

t.test('after an upgrade those who are there go on; others are not made of two releases', async t => {
  const proxy = await inProcess(t, { proxy: { ...two, drainMs: 2_000 } });
  proxy.upgrade();
  await proxy.reload({});
  t.match(proxy.lines.at(-1), { text: /^the old configuration stays: .* release 2\.0 by now, .* is 1\.0: restart it/ });
  proxy.workers[0]?.kill();
  await until('the trouble', () => proxy.lines.some(line => String(line['text']).startsWith('a worker cannot start')));
  await session(proxy);
  proxy.workers[1]?.kill();
  await proxy.lost;
  t.equal(proxy.workers.length, 4, 'and is not tried again and again');
});

t.test('what a token refuses is tried once, however many workers end', async t => {
  const said: ToPrimary[] = [{ kind: 'ready' }, { kind: 'ready' }];
  const workers: WorkerProcess[] = [];
  const lines: string[] = [];
  const say = (text: string): void => void lines.push(text);
  const log = { debug: say, info: say, warn: say, error: say, bug: say };
  const startWorker = (): WorkerProcess => {
    const worker = sayingWorker(said.shift() ?? { kind: 'cannot-start', why: 'the PIN is wrong', isFinal: true });
    workers.push(worker);
    return worker;
  };
  const crew = new Crew({ startWorker, processors: 2, release: '1.0', clock: { now: () => Date.now() } }, log);
  t.equal(await crew.serve(standardConfig()), undefined);
  await until('both', () => crew.size === 2);
  workers[0]?.kill();
  await until('the trouble', () => lines.includes('a worker cannot start: the PIN is wrong'));
  workers[1]?.kill();
  let isLost = false;
  void crew.lost.then(() => {
    isLost = true;
  });
  await until('the end', () => isLost); // its own timers keep no process alive
  t.equal(workers.length, 3);
  await crew.leave(0);
});

t.test('a worker that cannot even be started ends like any other', async t => {
  const code = `
    import { closeSync, openSync, writeSync } from 'node:fs';
    import { spawnWorker } from '${new URL('../../src/proxy/crew/spawn.ts', import.meta.url).href}';
    const taken = [];
    try {
      for (;;) taken.push(openSync('/dev/null'));
    } catch {}
    const worker = spawnWorker();
    worker.onMessage(() => {});
    worker.onClosed(how => {
      closeSync(taken.pop());
      writeSync(1, how);
    });
    worker.send({ kind: 'report', question: 1 });
    worker.kill();`;
  const script = 'ulimit -n 64; exec "$0" --input-type=module -e "$1"';
  const ended = spawnSync('sh', ['-c', script, process.execPath, code], { encoding: 'utf8' });
  t.match(ended, { status: 0, stdout: /EMFILE/ }, ended.stderr);
});

t.test('workers that end at once are not started without end', async t => {
  const proxy = await inProcess(t, { proxy: { ...two, workers: 1 } });
  const begun = performance.now();
  for (let i = 0; i < 3; i++) {
    proxy.workers[i]?.kill();
    await until('the next', () => proxy.workers.length === i + 2);
  }
  t.ok(performance.now() - begun > 1490, 'nothing, then half a second, then one'); // a timer may be early by its rounding
  await until('it serves', async () => await rawStranger(proxy.port).catch(() => undefined));
});

t.test('a new configuration is for those who come, and sessions stay', async t => {
  const proxy = await inProcess(t, { proxy: two });
  const before = await session(proxy);
  await proxy.reload({ workers: 1, services: new Map(), maxSessions: 7 });
  t.equal(proxy.workers.length, 3);
  const after = await rawStranger(proxy.port);
  after.send(signedRequest(after.transport.sessionId, user, proxy.alice));
  await after.next(51);
  after.send(keyboardInteractive(user));
  t.match(String(await after.next(60)), /Policy not assigned/);
  before.send(keepAlive);
  await until('the host', () => proxy.host.peers[0]?.messages.some(one => one[0] === 80));
  t.match(proxy.lines.findLast(line => line['text'] === 'reloaded') ?? {}, { sessions: 1, services: 0 });
});

t.test('a login that is under way is not lost with a new configuration', async t => {
  const proxy = await inProcess(t, { proxy: two });
  const peer = await rawStranger(proxy.port);
  peer.send(signedRequest(peer.transport.sessionId, user, proxy.alice));
  await peer.next(51);
  await proxy.reload({});
  peer.send(keyboardInteractive(user));
  await peer.next(60);
  peer.send(infoResponse('123456'));
  await peer.next(52);
});

t.test('a configuration with which no worker starts changes nothing', async t => {
  const proxy = await inProcess(t, { proxy: two });
  await proxy.reload({ caPassphraseFile: '/nowhere', maxSessions: 0 });
  t.match(proxy.lines.at(-1), { text: /^the old configuration stays: .*nowhere/ });
  await session(proxy);
});

t.test('what a worker has opened that cannot start after all is closed', async t => {
  const proxy = await inProcess(t);
  writeFileSync(join(proxy.stateDirectory, 'recording-signing-key'), 'none', { mode: 0o600 });
  await proxy.reload({});
  t.match(proxy.lines.at(-1), { text: /^the old configuration stays: .*recording-signing-key/ });
  t.equal(proxy.open.servers, 1);
});

t.test('what is opened once for all is said to need a restart', async t => {
  const proxy = await inProcess(t, { proxy: two });
  await proxy.reload({ listen: { host: '127.0.0.1', port: 1 }, stateDirectory: '/elsewhere' });
  const texts = proxy.lines.map(line => line['text']);
  t.ok(texts.includes('sshListenAddr has changed: that takes a restart'));
  t.ok(texts.includes('stateDirectory has changed: that takes a restart'));
  await session(proxy);
});

t.test('the end: strangers at once, sessions when their time is over, and each is told', async t => {
  const proxy = await inProcess(t, { proxy: { ...two, drainMs: 2_000 } });
  const stranger = await rawStranger(proxy.port);
  const someone = await session(proxy);
  const stopped = proxy.stop();
  t.match(await stranger.ended(), { text: /The proxy is restarting/ });
  t.equal(someone.ending, undefined);
  await t.rejects(rawStranger(proxy.port));
  t.match(await someone.ended(), { text: /The proxy is shutting down/ });
  await stopped;
  t.match(
    proxy.lines.find(line => line['event'] === 'session-end'),
    { why: /shutting down/ },
  );
});

/** A worker that says this when it is to start, and nothing else. */
function sayingWorker(said: ToPrimary): WorkerProcess {
  let closed: (how: string | undefined) => void = () => {};
  let say: (message: ToPrimary) => void = () => {};
  return {
    pid: 0,
    send: ({ kind }) => {
      if (kind === 'start') setImmediate(() => say(said));
      if (kind === 'leave') setImmediate(() => closed(undefined));
    },
    onMessage: listener => {
      say = message => listener(message, undefined);
    },
    onClosed: listener => {
      closed = listener;
    },
    kill: () => setImmediate(() => closed('SIGKILL')),
  };
}

/** Another worker serves in the place of one of two. */
async function replaced({ lines }: InProcess): Promise<void> {
  await until('another worker', () => {
    const ended = lines.findLastIndex(line => line['text'] === 'a worker has ended, and its sessions with it');
    return ended !== -1 && lines.slice(ended).some(line => line['text'] === 'a worker serves');
  });
}

const keepAlive = Buffer.concat([byte(80), string('keepalive@openssh.com'), byte(1)]);

async function session(proxy: InProcess): Promise<RawPeer> {
  const peer = await rawStranger(proxy.port);
  await answerCode(proxy, peer);
  await peer.next(52);
  proxy.pass(400_000); // the code is good again
  return peer;
}

async function answerCode(proxy: InProcess, peer: RawPeer, code = '123456'): Promise<void> {
  peer.send(signedRequest(peer.transport.sessionId, user, proxy.alice));
  await peer.next(51);
  peer.send(keyboardInteractive(user));
  await peer.next(60);
  peer.send(infoResponse(code));
}

/** Two who are asked for a code, each by a worker of its own, and answer in the same moment. */
async function atOnce(proxy: InProcess, ...codes: [string, string]): Promise<RawPeer[]> {
  const peers = [await rawStranger(proxy.port), await rawStranger(proxy.port)];
  for (const peer of peers) {
    peer.send(signedRequest(peer.transport.sessionId, user, proxy.alice));
    await peer.next(51);
    peer.send(keyboardInteractive(user));
    await peer.next(60);
  }
  for (const [i, peer] of peers.entries()) peer.send(infoResponse(codes[i] ?? ''));
  return peers;
}

/** Somebody who asks for a push. */
async function push(proxy: InProcess): Promise<RawPeer> {
  const peer = await rawStranger(proxy.port);
  await answerCode(proxy, peer, '');
  return peer;
}
