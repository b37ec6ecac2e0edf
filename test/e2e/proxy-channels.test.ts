/** What passes through the proxy and what does not, by OpenSSH's own clients: bytes compared by hash, ends by status. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Background, type Finished, run } from '../helpers/e2e/background.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { answering, residentMiB, startProxySite, terminalAt } from '../helpers/e2e/proxy.ts';
import { until } from '../helpers/e2e/until.ts';

privateHost(t);
const site = await startProxySite(['alice']);
t.teardown(async () => await site.stop());

const MiB = 1024 * 1024;
const info = ['-o', 'LogLevel=INFO'];
const folder = mkdtempSync('/root/files-');
const large = join(folder, 'large');
writeFileSync(large, randomBytes(64 * MiB));
const digest = hashOf(large);
const { home } = site.members.alice.user;
writeFileSync(join(home, 'large'), readFileSync(large));

// One code; the grace that follows lets the key alone in, as scp and rsync need it.
const first = await answering(['ssh', ...flags(), 'alice@web1@proxy', 'true'], { OTP: site.members.alice.code() });
if (first.status !== 0) throw new Error(`no login: ${first.stderr}${site.proxy.process.stdout}`);

t.test('a grace: the key alone lets in, where nobody can be asked', async t => {
  t.match(await ssh(['-o', 'BatchMode=yes'], 'id -un'), { status: 0, stdout: 'alice\n' });
  t.match(await site.proxy.said(line => line['reason'] === 'grace'), {
    decision: 'bypass',
    person: 'alice@example.com',
  });
});

t.test('standard output and error stay apart, byte for byte, and the status comes through', async t => {
  for (const status of [0, 1, 7, 255]) {
    const done = await ssh([], `printf 'out\\0\\377'; printf 'err' >&2; exit ${status}`);
    t.equal(done.status, status);
    t.equal(done.stdout, 'out\0\ufffd');
    t.equal(done.stderr, 'err');
  }
});

t.test('a program that dies of a signal', async t => {
  const { status, stderr } = await ssh(['-o', 'LogLevel=DEBUG1'], 'kill -KILL $$');
  t.equal(status, 255);
  t.match(stderr, /exit-signal/);
});

t.test('64 MiB up and down, the same on the other side', async t => {
  const up = await shell(`ssh ${quoted(flags())} alice@web1@proxy sha256sum <${large}`);
  t.match(up.stdout, digest);
  const down = await shell(`ssh ${quoted(flags())} alice@web1@proxy 'cat large' | sha256sum`);
  t.match(down.stdout, digest);
});

for (const cipher of [
  'aes128-gcm@openssh.com',
  'aes256-gcm@openssh.com',
  'aes128-ctr',
  'chacha20-poly1305@openssh.com',
])
  t.test(`8 MiB each way by ${cipher}`, async t => {
    const half = `head -c ${8 * MiB}`;
    const { stdout } = await shell(
      `${half} ${large} | ssh ${quoted(flags())} -c ${cipher} alice@web1@proxy cat | sha256sum; ${half} ${large} | sha256sum`,
    );
    const [there, here] = stdout.split('\n');
    t.equal(there, here);
  });

t.test('new keys every MiB, asked for by the client, and by the host', async t => {
  const down = await shell(`ssh ${quoted(flags())} -o RekeyLimit=1M alice@web1@proxy 'cat large' | sha256sum`);
  t.match(down.stdout, digest);
  const up = await shell(`ssh ${quoted(flags())} -o RekeyLimit=1M alice@web1@proxy sha256sum <${large}`);
  t.match(up.stdout, digest);
});

t.test('input that ends at once, is empty, or ends long before the output does', async t => {
  t.match(await ssh(['-n'], 'wc -c'), { status: 0, stdout: '0\n' });
  t.match(await shell(`ssh ${quoted(flags())} alice@web1@proxy 'wc -c; sleep 0.3; echo later' </dev/null`), {
    stdout: '0\nlater\n',
  });
  t.match(await shell(`head -c 1000000 ${large} | ssh ${quoted(flags())} alice@web1@proxy 'wc -c'`), {
    stdout: '1000000\n',
  });
});

t.test('a reader that is slow costs no more than the windows, and gets everything', async t => {
  const before = residentMiB(site.proxy);
  const slow = shell(`ssh ${quoted(flags())} alice@web1@proxy 'cat large' | (sleep 2; sha256sum)`);
  let peak = 0;
  const watch = setInterval(() => (peak = Math.max(peak, residentMiB(site.proxy))), 100);
  t.match((await slow).stdout, digest);
  clearInterval(watch);
  t.ok(peak - before < 100, `${before} MiB, then ${peak} MiB`);
});

t.test('a terminal: its size, its name, its changes, and what is typed', async t => {
  const terminal = terminalAt(site.proxy, 'alice@web1', site.keys.alice);
  await terminal.expect(/\$ $/);
  terminal.send('stty size; echo "is $TERM"\r');
  await terminal.expect('30 100');
  await terminal.expect('is xterm-256color');
  terminal.resize(123, 45);
  terminal.send('until [ "$(stty size)" = "45 123" ]; do sleep 0.1; done; echo grown\r');
  await terminal.expect(/\rgrown\r/);
  terminal.send('echo up; cat\r');
  await terminal.expect(/\rup\r/);
  terminal.send('typed\r');
  await terminal.expect(/typed\r\ntyped\r\n/); // by the terminal, and by cat, which runs by then
  terminal.send('\x03');
  await terminal.expect(/\$ $/);
  terminal.send('exit 3\r');
  t.match(await terminal.ended(), { exitCode: 3 });
});

t.test('the environment that a client may bring, and no other', async t => {
  const { stdout } = await shell(
    `LC_TIME=xx EVIL=1 ssh ${quoted(flags())} -o 'SendEnv LC_TIME EVIL' alice@web1@proxy 'echo $LC_TIME $EVIL'`,
  );
  t.equal(stdout, 'xx\n');
  t.match(await site.proxy.said(line => line['event'] === 'channel-refused'), { type: 'env', name: 'EVIL' });
});

t.test('sftp alone: there and back', async t => {
  const batch = join(folder, 'batch');
  writeFileSync(batch, `put ${large} by-sftp\nget by-sftp ${folder}/back\nls -l by-sftp\n`);
  const done = await run(['sftp', ...flags(), '-b', batch, 'alice@web1@proxy']);
  t.equal(done.status, 0, done.stderr);
  t.equal(hashOf(join(folder, 'back')), digest);
  t.equal(hashOf(join(home, 'by-sftp')), digest);
});

for (const mode of ['-s', '-O'])
  t.test(`scp ${mode}: there and back`, async t => {
    const there = await run(['scp', ...flags(), mode, '-p', large, `alice@web1@proxy:by-scp${mode}`]);
    t.equal(there.status, 0, there.stderr);
    const back = await run(['scp', ...flags(), mode, `alice@web1@proxy:by-scp${mode}`, join(folder, `back${mode}`)]);
    t.equal(back.status, 0, back.stderr);
    t.equal(hashOf(join(folder, `back${mode}`)), digest);
  });

t.test('rsync: there and back', async t => {
  const rsh = `ssh ${quoted(flags())}`;
  const there = await run(['rsync', '-a', '-e', rsh, large, 'alice@web1@proxy:by-rsync']);
  t.equal(there.status, 0, there.stderr);
  const back = await run(['rsync', '-a', '-e', rsh, 'alice@web1@proxy:by-rsync', join(folder, 'back-rsync')]);
  t.equal(back.status, 0, back.stderr);
  t.equal(hashOf(join(folder, 'back-rsync')), digest);
});

t.test('git: clone and push', async t => {
  const git = `GIT_SSH_COMMAND="ssh ${flags().join(' ')}" git -c user.name=a -c user.email=a@b`;
  const done = await shell(`set -e; cd ${folder}; ssh ${quoted(flags())} alice@web1@proxy 'git init -q --bare repo';
    git init -q -b main work; cd work; head -c 1000000 ${large} >file; git add file; git -c user.name=a -c user.email=a@b commit -qm one
    ${git} push -q ssh://alice@web1@proxy/home/alice/repo main; cd ..; ${git} clone -q -b main ssh://alice@web1@proxy/home/alice/repo copy
    cmp work/file copy/file && echo same`);
  t.match(done, { status: 0, stdout: 'same\n' }, done.stderr);
});

t.test('ten channels at once on one connection', async t => {
  const control = join(folder, 'control');
  const shared = [...flags(), '-o', `ControlPath=${control}`];
  const master = new Background(['ssh', ...shared, '-M', '-N', 'alice@web1@proxy']);
  t.teardown(async () => await master.stop());
  await until('the master', () => statSync(control, { throwIfNoEntry: false }));
  const all = await Promise.all(
    Array.from(
      { length: 10 },
      async (_, i) => await run(['ssh', ...shared, 'alice@web1@proxy', `head -c ${MiB} large | sha256sum; exit ${i}`]),
    ),
  );
  t.strictSame(
    all.map(({ status }) => status),
    Array.from({ length: 10 }, (_, i) => i),
  );
  t.equal(new Set(all.map(({ stdout }) => stdout)).size, 1, 'and all read the same');
});

t.test('forwarding is refused, each kind with a reason, and disturbs nothing else', async t => {
  const local = await shell(`ssh -o LogLevel=INFO ${quoted(flags())} -W 127.0.0.1:22 alice@web1@proxy </dev/null`);
  t.match(local, {
    status: 255,
    stderr: /administratively prohibited: policy does not grant a connection to 127\.0\.0\.1:22/,
  });
  const remote = await ssh([...info, '-R', '0:127.0.0.1:22'], 'echo still here');
  t.match(remote, { status: 0, stdout: 'still here\n', stderr: /remote port forwarding failed/ });
  const unix = await ssh([...info, '-R', '/tmp/x:/tmp/y'], 'echo still here');
  t.match(unix, { status: 0, stdout: 'still here\n', stderr: /remote port forwarding failed/ });
});

t.test('the agent of a person stays theirs', async t => {
  const agent = new Background(['ssh-agent', '-D', '-a', join(folder, 'agent')]);
  t.teardown(async () => await agent.stop());
  const env = { SSH_AUTH_SOCK: join(folder, 'agent') };
  await until('the agent', async () => (await run(['ssh-add', '-l'], { env })).status !== 2); // 2: it does not answer
  const forwarded = await ssh(
    [...info, '-A', '-o', `IdentityAgent=${join(folder, 'agent')}`],
    'echo "agent: $SSH_AUTH_SOCK"',
    env,
  );
  t.match(forwarded, { status: 0, stdout: 'agent: \n' });
  t.notMatch(forwarded.stderr, /break-in/);
  t.match(await site.proxy.said(line => line['type'] === 'auth-agent-req@openssh.com'), { event: 'channel-refused' });
});

t.test(
  'a jump: two factors at the proxy, then words on what policy does not grant, and what to say instead',
  async t => {
    const words = ['ssh', ...info, ...flags(), '-l', 'alice@jump'] as const;
    const OTP = site.members.alice.code();
    const denied = await answering([...words, '-W', 'web1:22', 'proxy'], { OTP });
    t.match(denied, { status: 255, stderr: /policy does not let you jump to web1: say ssh ACCOUNT@web1@PROXY/ });
    t.match(await site.proxy.said(line => line['event'] === 'decision' && line['target'] === 'jump'), {
      decision: 'allow',
      factor: 'totp',
    });
    const session = await run([...words, 'proxy', 'id']);
    t.match(session, { status: 255, stdout: '', stderr: /this connection is for jumps: say ssh -J PROXY SERVICE/ });
  },
);

t.test('a break on a terminal disturbs nothing', async t => {
  const terminal = terminalAt(site.proxy, 'alice@web1', site.keys.alice);
  await terminal.expect(/\$ $/);
  terminal.send('\r~B');
  terminal.send('echo go $((6*7))\r');
  await terminal.expect('go 42');
  terminal.send('exit\r');
  t.match(await terminal.ended(), { exitCode: 0 });
});

t.test('keepalives of a client are answered by the host, from end to end', async t => {
  const everySecond = ['-o', 'ServerAliveInterval=1', '-o', 'ServerAliveCountMax=60', '-o', 'LogLevel=DEBUG3'];
  const done = await ssh(everySecond, 'sleep 3; echo alive');
  t.match(done, { status: 0, stdout: 'alive\n' });
  // The global request keepalive@openssh.com, and its answer (RFC 4254 §4).
  t.match(done.stderr, /send packet: type 80\b[^]*receive packet: type 8[12]\b/);
});

t.test('every line of the log is JSON with its time, and steers no terminal, whatever was asked for', async t => {
  const hostile = 'true \u001b]0;title\u0007 \u009b2J \u202e \u2028';
  await ssh([], hostile);
  await site.proxy.said(line => String(line['command']).startsWith('true ?]0;title'));
  for (const line of site.proxy.process.stdout.split('\n').slice(0, -1)) {
    const { time } = JSON.parse(line) as { time: string };
    if (new Date(time).toISOString() !== time || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(line)) t.fail(JSON.stringify(line));
  }
});

t.test('a session is in the log, from its start to its end', async t => {
  await ssh([], 'echo marker; exit 4');
  const { attempt } = await site.proxy.said(line => line['command'] === 'echo marker; exit 4');
  t.match(await site.proxy.said(line => line['event'] === 'channel-end' && line['attempt'] === attempt), { status: 4 });
  t.match(await site.proxy.said(line => line['event'] === 'session-end' && line['attempt'] === attempt), {
    target: 'web1',
    refusals: 0,
  });
  t.match(
    site.upstream.log(),
    new RegExp(`Accepted publickey for alice .*ID trasa:alice@example.com:web1:${String(attempt)} `),
  );
});

function flags(): string[] {
  return [...site.proxy.flags(site.keys.alice), '-o', 'LogLevel=ERROR'];
}

async function ssh(more: readonly string[], command: string, env: Record<string, string> = {}): Promise<Finished> {
  return await run(['ssh', ...more, ...flags(), 'alice@web1@proxy', command], { env });
}

async function shell(line: string): Promise<Finished> {
  return await run(['bash', '-c', line]);
}

function quoted(words: readonly string[]): string {
  return words.map(word => `'${word}'`).join(' ');
}

function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
