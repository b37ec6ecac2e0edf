/** What policy grants beyond a terminal and its commands, by OpenSSH's own client; and what a hostile host gets. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, mkdtempSync, statSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Test } from 'tap';
import t from 'tap';
import { openConfirmation } from '../../src/proxy/messages/connection.ts';
import { serviceAccept } from '../../src/proxy/messages/userauth.ts';
import { byte, string, uint32 } from '../../src/ssh/wire.ts';
import { Background, run } from '../helpers/e2e/background.ts';
import { startGrantedSite } from '../helpers/e2e/granted.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { makeKey } from '../helpers/e2e/sshd.ts';
import { until } from '../helpers/e2e/until.ts';
import { freePort } from '../helpers/free-port.ts';
import { close, data, eof, granting, open, request } from '../proxy/between.ts';
import { answer } from '../proxy/in-process.ts';
import { type RawPeer, rawStranger, signedRequest } from '../proxy/raw-peer.ts';

privateHost(t);
const site = await startGrantedSite(t, {
  met: breaksIn,
  sshdConfig: `X11Forwarding yes
StreamLocalBindUnlink yes
ClientAliveInterval 1
ClientAliveCountMax 60
LogLevel DEBUG1`,
});
await site.prove('real');
const folder = mkdtempSync('/root/forwarding-');
const greeting = 'the service speaks first\n';
const service = await listening(t, { port: 0, host: '127.0.0.1' }, socket => socket.end(greeting));
const { port } = service.address() as AddressInfo;

t.test('a service that speaks first, on the first channel of eight fresh connections', async t => {
  await site.grant(granting({ local: [`127.0.0.1:${port}`] }));
  const all = await Promise.all(
    Array.from({ length: 8 }, async () => await site.ssh(['-W', `127.0.0.1:${port}`, 'real'])),
  );
  t.strictSame(
    all.map(({ status, stdout }) => [status, stdout]),
    all.map(() => [0, greeting]),
  );
  t.match(
    site.proxy.lines.find(line => line['kind'] === 'direct-tcpip'),
    { event: 'channel-start', place: `127.0.0.1:${port}`, from: 'client', target: 'real' },
  );
  await until('the ends', () => site.proxy.lines.filter(line => line['hostBytes'] === greeting.length).length === 8);
});

t.test('-L: megabytes both ways, and half-close; -D: SOCKS', async t => {
  const mirror = await listening(t, { port: 0, host: '127.0.0.1' }, socket => {
    const hash = createHash('sha256');
    socket.on('data', chunk => hash.update(chunk)).on('end', () => socket.end(hash.digest('hex')));
  });
  const { port: far } = mirror.address() as AddressInfo;
  const web = await listening(t, { port: 0, host: '127.0.0.1' }, socket =>
    socket.once('data', () => socket.end('HTTP/1.0 200 OK\r\n\r\nby SOCKS')),
  );
  const { port: webPort } = web.address() as AddressInfo;
  await site.grant(granting({ local: ['127.0.0.1:*'] }));
  const [near, socks] = [await freePort(), await freePort()];
  await standing(t, ['-L', `127.0.0.1:${near}:127.0.0.1:${far}`, '-D', `127.0.0.1:${socks}`], 'real');
  const bytes = randomBytes(8 * 1024 * 1024);
  const socket = connect(near, '127.0.0.1');
  socket.end(bytes);
  t.equal(await allOf(socket), createHash('sha256').update(bytes).digest('hex'));
  const url = `http://127.0.0.1:${webPort}/`;
  const curl = await run(['curl', '-sS', '--socks5-hostname', `127.0.0.1:${socks}`, url]);
  t.match(curl, { status: 0, stdout: 'by SOCKS' }, curl.stderr);
});

t.test('a port where nobody listens, and one that is not granted: each fails with its reason, and at once', async t => {
  const closed = await freePort();
  await site.grant(granting({ local: [`127.0.0.1:${closed}`] }));
  const nobody = await site.ssh(['-W', `127.0.0.1:${closed}`, 'real']);
  t.match(nobody, { status: 255, stderr: /open failed: connect failed: Connection refused/ });
  t.match(
    site.proxy.lines.findLast(line => line['event'] === 'channel-failed'),
    { place: `127.0.0.1:${closed}` },
  );
  const denied = await site.ssh(['-W', `127.0.0.1:${port}`, 'real']);
  const why = `policy does not grant a connection to 127.0.0.1:${port}`;
  t.match(denied, { status: 255, stderr: `open failed: administratively prohibited: ${why}` });
  t.match(
    site.proxy.lines.findLast(line => line['event'] === 'channel-refused'),
    { type: 'direct-tcpip', name: `127.0.0.1:${port}`, why },
  );
});

t.test('-L that is not granted: each connection ends, and sessions beside it do not', async t => {
  await site.grant(granting({ local: ['127.0.0.1:1'] }));
  const near = await freePort();
  const control = await standing(t, ['-L', `127.0.0.1:${near}:127.0.0.1:${port}`], 'real');
  t.equal(await allOf(connect(near, '127.0.0.1')), '');
  t.match(await site.ssh(['-S', control, 'real', 'echo still here']), { status: 0, stdout: 'still here\n' });
});

t.test('-R: a port that the host chooses, one of our own, and the end of it', async t => {
  await site.grant(granting({ remote: ['localhost:*'] }));
  const control = await standing(t, [], 'real');
  const mux = async (...words: string[]) => await site.ssh(['-S', control, ...words, 'real']);
  const chosen = Number((await mux('-O', 'forward', '-R', `0:127.0.0.1:${port}`)).stdout);
  t.ok(chosen > 0);
  t.equal(await allOf(connect(chosen, '127.0.0.1')), greeting);
  const own = await freePort();
  t.match(await mux('-O', 'forward', '-R', `${own}:127.0.0.1:${port}`), { status: 0 });
  t.equal(await allOf(connect(own, '127.0.0.1')), greeting);
  t.match(await mux('-O', 'cancel', '-R', `${own}:127.0.0.1:${port}`), { status: 0 });
  await until(
    'its end',
    async () =>
      await allOf(connect(own, '127.0.0.1'))
        .catch(() => true)
        .then(said => said === true),
  );
  t.equal(await allOf(connect(chosen, '127.0.0.1')), greeting, 'the other is there still');
  t.match(
    site.proxy.lines.find(line => line['kind'] === 'forwarded-tcpip'),
    { event: 'channel-start', from: 'host', place: `localhost:${chosen}` },
  );
});

t.test('-R that policy does not grant: the session goes on without', async t => {
  await site.grant(granting({ remote: ['localhost:1'] }));
  const done = await site.ssh(['-R', `0:127.0.0.1:${port}`, 'real', 'echo still here']);
  t.match(done, { status: 0, stdout: 'still here\n', stderr: /remote port forwarding failed/ });
});

t.test('sockets of Unix, both ways', async t => {
  const [near, far, ours] = [join(folder, 'near'), join(site.alice.home, 'far'), join(site.alice.home, 'ours')];
  await listening(t, { path: ours }, socket => socket.end('by a socket'));
  chownSync(ours, site.alice.uid, site.alice.gid);
  await site.grant(granting({ streamlocal: true }));
  await standing(t, ['-L', `${near}:${ours}`, '-R', `${far}:${ours}`], 'real');
  await until('the far end', () => statSync(far, { throwIfNoEntry: false }));
  t.equal(await allOf(connect(near)), 'by a socket');
  t.equal(await allOf(connect(far)), 'by a socket');
});

t.test('a forwarded agent, used three times at once', async t => {
  const socket = join(folder, 'agent');
  const agent = new Background(['ssh-agent', '-D', '-a', socket]);
  t.teardown(async () => await agent.stop());
  const env = { SSH_AUTH_SOCK: socket };
  await until('the agent', async () => (await run(['ssh-add', '-l'], { env })).status !== 2); // 2: it does not answer
  await run(['ssh-add', '-q', makeKey(folder, 'in-agent')], { env });
  await site.grant(granting({ agent: true }));
  const command = 'for i in 1 2 3; do ssh-add -l & done; wait';
  const done = await site.ssh(['-A', '-o', `IdentityAgent=${socket}`, 'real', command], { env });
  t.match(done.stdout, /^(256 SHA256:\S+ in-agent \(ED25519\)\n){3}$/, done.stderr);
  const unasked = await site.ssh(['-a', '-o', `IdentityAgent=${socket}`, 'real', 'echo "agent: $SSH_AUTH_SOCK"'], {
    env,
  });
  t.match(unasked, { status: 0, stdout: 'agent: \n' });
});

t.test('X11: a program on the host reaches the display of the person', async t => {
  const display = await freePort();
  await listening(t, { port: display, host: '127.0.0.1' }, socket =>
    socket.once('data', first => socket.end(`setup of ${first.length} bytes\n`)),
  );
  await site.grant(granting({ x11: true }));
  // A client of X11: the order of bytes, version 11.0, the kind of cookie, and the cookie.
  const program = `port=$((6000 + $(echo "$DISPLAY" | sed 's/.*:\\([0-9]*\\).*/\\1/')))
cookie=$(xauth list "$DISPLAY" | awk '{print $3; exit}' | sed 's/../\\\\x&/g')
exec 3<>/dev/tcp/127.0.0.1/$port
printf "l\\0\\013\\0\\0\\0\\022\\0\\020\\0\\0\\0MIT-MAGIC-COOKIE-1\\0\\0$cookie" >&3
head -1 <&3`;
  const env = { DISPLAY: `127.0.0.1:${display - 6000}` };
  const done = await site.ssh(['-Y', 'real', program], { env });
  t.match(done, { status: 0, stdout: 'setup of 48 bytes\n' }, done.stderr);
  await site.grant(granting({}));
  const denied = await site.ssh(['-Y', 'real', 'echo "display: $DISPLAY"'], { env });
  t.match(denied, { status: 0, stdout: 'display: \n', stderr: /X11 forwarding request failed/ });
});

t.test("the host's own keepalives are answered by the client", async t => {
  const before = site.sshd.log().length;
  const done = await site.ssh(['real', 'sleep 3; echo alive']);
  t.match(done, { status: 0, stdout: 'alive\n', stderr: '' });
  await until('an answer', () => /Got (?:99|100)\/\d+ for keepalive/.test(site.sshd.log().slice(before)));
});

t.test('a host that opens the agent, X11 and a port unasked: the client hears nothing of it', async t => {
  const port = String(site.proxy.host.port);
  const unknown = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'] as const;
  const directly = await site.ssh([...unknown, '-p', port, '-l', 'alice', 'web1', 'id']);
  t.match(directly.stderr, /break-in attempt/, 'what a client says of such a host');
  await site.prove('web1');
  for (const forwarding of [{}, { local: ['*'], remote: ['*'], streamlocal: true, agent: true, x11: true }]) {
    await site.grant(granting(forwarding));
    const done = await site.ssh(['web1', 'id']);
    t.match(done, { status: 0, stdout: 'done\n', stderr: '' });
    const refused = site.proxy.lines.filter(line => line['event'] === 'channel-refused').slice(-4);
    t.strictSame(
      refused.map(({ from, type, why }) => [from, type, why]),
      unasked.map(type => ['host', type, 'the client has not asked for it']),
    );
  }
});

/** What the hostile host opens. */
const unasked = ['auth-agent@openssh.com', 'x11', 'forwarded-tcpip', 'forwarded-streamlocal@openssh.com'] as const;

/** Lets anybody in, and when something is to be run opens channels towards the client; then it ends the session. */
function breaksIn(peer: RawPeer): void {
  let answers = 0;
  let session = 0;
  answer(peer, payload => {
    const kind = payload[0];
    if (kind === 5) peer.send(serviceAccept('ssh-userauth'));
    if (kind === 50) peer.send(byte(52));
    if (kind === 90) {
      session = payload.readUInt32BE(1 + 4 + 'session'.length);
      peer.send(openConfirmation(session, { sender: 0, window: 2 ** 20, maxPacket: 32_768 }));
    }
    if (kind === 98 && payload.includes('exec')) {
      peer.send(byte(99), uint32(session));
      for (const [i, type] of unasked.entries())
        peer.send(open(i + 1, type, string('localhost'), uint32(22), string('127.0.0.1'), uint32(50_000)));
    }
    if ((kind === 91 || kind === 92) && ++answers === unasked.length) {
      peer.send(data(session, 'done\n'));
      peer.send(request(session, 'exit-status', 0, uint32(0)));
      peer.send(eof(session));
      peer.send(close(session));
    }
  });
}

t.test('a signal that a client sends reaches the program', async t => {
  const peer = await rawStranger(site.proxy.port);
  t.teardown(() => peer.socket.destroy());
  peer.send(signedRequest(peer.transport.sessionId, 'alice@real', site.proxy.alice));
  await peer.next(52);
  peer.send(open(3));
  const number = (await peer.next(91)).readUInt32BE(5);
  const program = 'trap "echo got it; exit 5" USR1; echo ready; while :; do sleep 0.1; done';
  peer.send(request(number, 'exec', 1, string(program)));
  t.match((await peer.next(94)).toString(), /ready/);
  peer.send(request(number, 'signal', 0, string('USR1')));
  t.match((await peer.next(94)).toString(), /got it/);
  t.strictSame(await peer.next(98), request(3, 'exit-status', 0, uint32(5)));
});

/** A connection that stays while the test does. @returns its control socket */
async function standing(t: Pick<Test, 'teardown'>, words: readonly string[], host: string): Promise<string> {
  const control = join(mkdtempSync('/root/control-'), 's');
  const flags = ['-F', site.config, '-M', '-S', control, '-N', '-o', 'ExitOnForwardFailure=yes'];
  const ssh = new Background(['ssh', ...flags, ...words, host]);
  t.teardown(async () => await ssh.stop());
  await until(
    () => `the connection: ${ssh.stderr}`,
    () => statSync(control, { throwIfNoEntry: false }),
  );
  return control;
}

async function listening(
  t: Pick<Test, 'teardown'>,
  where: ListenOptions,
  met: (socket: Socket) => void,
): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, socket => met(socket.on('error', () => {})));
  server.listen(where);
  await once(server, 'listening');
  t.teardown(() => server.close());
  return server;
}

async function allOf(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}
