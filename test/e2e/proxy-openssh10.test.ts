/** OpenSSH 10, which warns of an exchange of keys that a quantum computer could undo: as client and as host. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { type Finished, run } from '../helpers/e2e/background.ts';
import { newerOpenSsh } from '../helpers/e2e/newer-openssh.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { answering, startProxySite } from '../helpers/e2e/proxy.ts';
import { startSshd } from '../helpers/e2e/sshd.ts';
import { Terminal } from '../helpers/e2e/terminal.ts';
import { authorize } from '../helpers/e2e/users.ts';

privateHost(t);
const newer = newerOpenSsh();
if (typeof newer === 'string') {
  t.plan(0, newer);
  process.exit();
}
const under = newer;

const site = await startProxySite(['alice'], { sshd: { under, extraConfig: 'LogLevel DEBUG1' } });
t.teardown(async () => await site.stop());
const flags = site.proxy.flags(site.keys.alice);
const postQuantum = 'kex: algorithm: mlkem768x25519-sha256';
const warning = /post-quantum/;
const there = 'alice@web1@proxy';

t.test('login: post-quantum on both legs, and not a word of warning', async t => {
  t.match((await inside('ssh', '-V')).stderr, /^OpenSSH_1\d\./);
  const { status, stdout, stderr } = await answering([...command('ssh', '-v', ...flags, there, 'echo in')], {
    OTP: site.members.alice.code(),
  });
  t.match({ status, stdout }, { status: 0, stdout: 'in\n' }, stderr);
  t.match(stderr, postQuantum);
  t.notMatch(stderr, warning);
  t.match(site.upstream.log(), postQuantum);
  t.match(site.upstream.log(), /Accepted publickey for alice .*ID trasa:/);
});

t.test('keystrokes on a terminal, which it hides among others where a server takes that', async t => {
  const terminal = new Terminal(command('ssh', '-v', ...flags, '-tt', there));
  await terminal.expect(/\$ $/);
  for (const key of 'echo slowly "typed"') {
    terminal.send(key);
    await terminal.expect(key);
  }
  terminal.send('\r');
  await terminal.expect(/slowly typed\r?\n/);
  terminal.send('exit 4\r');
  t.match(await terminal.ended(), { exitCode: 4 });
  t.notMatch(terminal.output, /ping@openssh\.com/, 'the proxy does not say that it takes it');
});

t.test('it does warn of a host without one', async t => {
  const plain = await startSshd({ forceCommand: '', extraConfig: 'KexAlgorithms curve25519-sha256' });
  t.teardown(async () => await plain.stop());
  authorize(site.members.alice.user, plain.publicKey);
  const { status, stderr } = await inside('ssh', '-F', plain.configFile, '-o', 'LogLevel=INFO', 'alice@target', 'true');
  t.equal(status, 0);
  t.match(stderr, warning);
});

t.test('files, by sftp and scp, with new keys on the way', async t => {
  const file = '/root/file';
  writeFileSync(file, randomBytes(8 * 1024 * 1024));
  for (const mode of ['-s', '-O']) {
    const up = await inside('scp', mode, ...flags, '-o', 'RekeyLimit=1M', file, `${there}:file${mode}`);
    t.match(up, { status: 0, stderr: '' });
    const down = await inside('scp', mode, ...flags, `${there}:file${mode}`, `/root/back${mode}`);
    t.match(down, { status: 0, stderr: '' });
    t.ok(readFileSync(file).equals(readFileSync(`/root/back${mode}`)));
  }
});

/** Of the newer OpenSSH. */
function command(program: string, ...words: readonly string[]): [string, ...string[]] {
  const [first = '', ...more] = under;
  return [first, ...more, program, ...words];
}

async function inside(program: string, ...words: readonly string[]): Promise<Finished> {
  return await run(command(program, ...words));
}
