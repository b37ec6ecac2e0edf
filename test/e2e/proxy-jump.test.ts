/** `ssh -J` by the proxy, with OpenSSH's own clients: the second factor at the proxy, and keys from end to end behind it. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Finished, run } from '../helpers/e2e/background.ts';
import { startGrantedSite } from '../helpers/e2e/granted.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { answering } from '../helpers/e2e/proxy.ts';
import { granting } from '../proxy/between.ts';

privateHost(t);
const site = await startGrantedSite(t);
const jumper = granting({ jump: true });
const folder = mkdtempSync('/root/jump-');
const large = join(folder, 'large');
writeFileSync(large, randomBytes(16 * 1024 * 1024));
const digest = hashOf(large);

t.test('a code at the proxy, and then the host by the key that it knows, as if nothing were in between', async t => {
  await site.grant(jumper);
  const done = await answering(['ssh', '-F', site.config, 'behind', 'id -un; exit 7'], { OTP: '123456' });
  t.match(done, { status: 7, stdout: 'alice\n' }, done.stderr);
  t.match(
    site.proxy.lines.find(line => line['event'] === 'decision'),
    { person: 'alice@example.com', account: 'jump', target: 'jump', decision: 'allow', factor: 'totp' },
  );
  t.match(
    site.proxy.lines.find(line => line['event'] === 'channel-start'),
    { kind: 'jump', place: 'real:22', leadsTo: 'real' },
  );
  t.match(site.sshd.log(), /Accepted publickey for alice from 127\.0\.0\.1/);
  t.notMatch(site.sshd.log(), /ID trasa:/, 'no certificate of ours');
});

t.test('megabytes each way, the same on the other side', async t => {
  const up = await shell(`ssh -F ${site.config} behind sha256sum <${large}`);
  t.match(up.stdout, digest, up.stderr);
  const down = await shell(`ssh -F ${site.config} behind 'head -c 16M /dev/zero' | sha256sum`);
  t.match(
    down.stdout,
    createHash('sha256')
      .update(Buffer.alloc(16 * 1024 * 1024))
      .digest('hex'),
    down.stderr,
  );
});

for (const mode of ['-s', '-O'])
  t.test(`scp ${mode} -J: there and back`, async t => {
    const there = await run(['scp', '-F', site.config, mode, large, `behind:by-scp${mode}`]);
    t.equal(there.status, 0, there.stderr);
    const back = await run(['scp', '-F', site.config, mode, `behind:by-scp${mode}`, join(folder, `back${mode}`)]);
    t.equal(back.status, 0, back.stderr);
    t.equal(hashOf(join(folder, `back${mode}`)), digest);
  });

t.test('-J on the command line; -W; the configured address; both ways to say the word', async t => {
  const word = await site.ssh(['-W', 'real:22', 'proxy']);
  t.match(word, { status: 0, stdout: /^SSH-2\.0-OpenSSH/ }, word.stderr);
  const address = await site.ssh(['-W', `127.0.0.1:${site.sshd.port}`, 'proxy']);
  t.match(address, { status: 0, stdout: /^SSH-2\.0-OpenSSH/ }, address.stderr);
  const jump = ['-J', 'proxy', '-i', site.sshd.privateKey, '-o', 'HostName=real', '-l', 'alice', 'behind', 'id -un'];
  t.match(await site.ssh(jump), { status: 0, stdout: 'alice\n' });
  await site.prove('alice@jump@proxy', 'jump');
  const named = await site.ssh(['-W', 'real:22', '-l', 'alice@jump', 'proxy']);
  t.match(named, { status: 0, stdout: /^SSH-2\.0-OpenSSH/ }, named.stderr);
});

t.test('eight at once over one connection to the proxy', async t => {
  const logins = (): number => site.proxy.lines.filter(line => line['event'] === 'session-start').length;
  const before = logins();
  const control = join(folder, 'control');
  const master = ['-F', site.config, '-o', `ControlPath=${control}`, '-o', 'ControlMaster=auto'] as const;
  await run(['ssh', ...master, '-o', 'ControlPersist=60', '-Nf', 'proxy']);
  t.teardown(async () => await run(['ssh', ...master, '-O', 'exit', 'proxy']));
  const command = `ssh -F ${site.config} -o ControlPath=${control} -W real:22 proxy`;
  const all = await Promise.all(
    Array.from(
      { length: 8 },
      async (_, i) =>
        await site.ssh(['-o', `ProxyCommand=${command}`, 'behind', `head -c 1M /dev/zero | sha256sum; exit ${i}`]),
    ),
  );
  t.strictSame(
    all.map(({ status }) => status),
    [0, 1, 2, 3, 4, 5, 6, 7],
    all.map(({ stderr }) => stderr).join(''),
  );
  t.equal(new Set(all.map(({ stdout }) => stdout)).size, 1);
  t.equal(logins(), before + 1);
});

t.test('what is refused says why, and what to say instead', async t => {
  const session = await site.ssh(['proxy']);
  t.match(session, {
    status: 255,
    stderr: /say ssh -J PROXY SERVICE, or for a session by the proxy ssh ACCOUNT@SERVICE/,
  });
  t.match(await site.ssh(['proxy', 'id']), { status: 255, stdout: '', stderr: /this connection is for jumps/ });
  const nowhere = await site.ssh(['-W', 'localhost:22', 'proxy']);
  t.match(nowhere, { status: 255, stdout: '', stderr: /there is no service localhost:22 for you here/ });
  await site.grant(granting({}));
  const denied = await site.ssh(['behind', 'id']);
  t.match(denied, {
    status: 255,
    stdout: '',
    stderr: /policy does not let you jump to real: say ssh ACCOUNT@real@PROXY/,
  });
  await site.grant(granting({ jump: true }, true));
  const recorded = await site.ssh(['behind', 'id']);
  t.match(recorded, {
    status: 255,
    stdout: '',
    stderr: /real is recorded, which a jump cannot be: say ssh ACCOUNT@real@PROXY/,
  });
  await site.grant(jumper);
  const listener = await site.ssh(['-N', '-R', '0:127.0.0.1:22', '-o', 'ExitOnForwardFailure=yes', 'proxy']);
  t.match(listener, { status: 255, stderr: /remote port forwarding failed/ });
});

async function shell(line: string): Promise<Finished> {
  return await run(['bash', '-c', line]);
}

function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
