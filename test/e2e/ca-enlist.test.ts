/** Hosts that trust the User CA and show a certificate, with the machine's own sshd_config and a real sshd. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { command } from '../helpers/e2e/agent.ts';
import { Background, type Finished, run } from '../helpers/e2e/background.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import { addUser } from '../helpers/e2e/users.ts';
import { freePort } from '../helpers/free-port.ts';
import { folder, keygen, makeKey } from '../ssh/openssh.ts';

privateHost(t);

const here = folder();
const port = await freePort();
const passphrase = ['--passphrase-file', join(here, 'passphrase')];
const dropIns = '/etc/ssh/sshd_config.d';
addUser({ name: 'alice' });
const key = makeKey(join(here, 'alice')).path;
const userCa = join(here, 'user-ca.pub');
const krl = join(here, 'revoked.krl');
let sshd: Background;

t.before(async () => {
  writeFileSync(join(here, 'passphrase'), 'correct horse battery staple\n', { mode: 0o600 });
  await command(['ca', 'init', ...passphrase]);
  await command(['ca', 'export', 'user', '--output', userCa]);
  await command(['ca', 'krl', '--output', krl]);
  await command([
    'ca',
    'sign-user',
    ...passphrase,
    '--principal',
    'alice',
    '--output',
    `${key}-cert.pub`,
    `${key}.pub`,
  ]);
  mkdirSync('/run/sshd', { recursive: true });
  mkdirSync(dropIns, { recursive: true });
  keygen('-A');
  writeFileSync(
    '/etc/ssh/sshd_config',
    `Include ${dropIns}/*.conf\nPort ${port}\nListenAddress 127.0.0.1\nLogLevel VERBOSE\nPidFile /run/sshd.pid\nUsePAM no\n`,
  );
  sshd = new Background(['/usr/sbin/sshd', '-D', '-e']);
  await sshd.printed(/Server listening/);
});
t.teardown(async () => await sshd.stop());

t.test('after trust a certificate of the User CA lets in, and the list puts out', async t => {
  t.match(await login(), { status: 255, stderr: /Permission denied/ });
  t.match(
    await command(['ca', 'trust', userCa, '--krl', krl]),
    /^wrote \/etc\/ssh\/trasa-user-ca\.pub\nwrote .*trasa-revoked\.krl\nwrote .*20-trasa-user-ca\.conf\n$/,
  );
  t.match(await login(), { status: 0, stdout: 'alice\n' });
  await command(['ca', 'revoke', '--serial', '1', '--krl', krl]);
  await command(['ca', 'trust', userCa, '--krl', krl]);
  t.match(await login(), { status: 255, stderr: /Permission denied/ });
  await command(['ca', 'trust', userCa]);
  t.match(readFileSync(`${dropIns}/20-trasa-user-ca.conf`, 'utf8'), /RevokedKeys/, 'the list that is there stays');
  t.match(await login(), { status: 255 });
});

t.test('with a file of principals these count, and not the name of the account', async t => {
  mkdirSync('/etc/ssh/principals', { recursive: true });
  writeFileSync('/etc/ssh/principals/alice', 'operators\n');
  await command(['ca', 'trust', userCa, '--principals', '/etc/ssh/principals/%u']);
  const sign = ['ca', 'sign-user', ...passphrase, '--output', `${key}-cert.pub`, `${key}.pub`];
  await command([...sign, '--principal', 'alice']);
  t.match(await login(), { status: 255 });
  await command([...sign, '--principal', 'operators']);
  t.match(await login(), { status: 0 });
  await command(['ca', 'trust', userCa]);
  t.match(await login(), { status: 255 }, 'without the file, the name of the account counts again');
  await command([...sign, '--principal', 'alice']);
  t.match(await login(), { status: 0 });
});

t.test('what sshd does not take, or does not see, changes nothing', async t => {
  const state = (): string[] =>
    ['/etc/ssh', dropIns].flatMap(path =>
      readdirSync(path, { withFileTypes: true })
        .filter(entry => entry.isFile())
        .map(({ name }) => `${name}: ${readFileSync(join(path, name), 'latin1')}`),
    );
  const refuses = async (words: string[], text: RegExp): Promise<void> => {
    const before = state();
    const ended = await run([agent, 'ca', ...words]);
    t.match(ended, { status: 1, stdout: '', stderr: text });
    t.same(state(), before, words.join(' '));
  };
  const bad = join(here, 'bad');
  writeFileSync(bad, 'nonsense\n');
  await refuses(['trust', bad], /bad: is not a public key/);
  await refuses(['trust', join(here, 'none')], /none: is not there, or is empty/);
  await refuses(['trust', userCa, '--krl', bad], /bad: is not a KRL/);
  await refuses(['trust', userCa, '--krl', join(here, 'none')], /none: is not there/);
  await refuses(['trust', userCa, '--principals', 'x'], /say an absolute path/);
  writeFileSync(`${dropIns}/00-other.conf`, 'TrustedUserCAKeys /etc/ssh/other.pub\n');
  await refuses(['trust', userCa], /an earlier line of sshd_config wins.*; everything is as it was/);
  writeFileSync(`${dropIns}/00-other.conf`, 'NoSuchSetting yes\n');
  await refuses(['trust', userCa], /sshd does not take it: .*; everything is as it was/);
  writeFileSync(`${dropIns}/00-other.conf`, '');
  await refuses(['install-host', `${key}-cert.pub`], /is no host's certificate/);
  await refuses(['install-host', userCa], /is no certificate/);
});

t.test('a host shows the certificate of the zip, and is still known by its old keys', async t => {
  const knownBefore = execFileSync('ssh-keyscan', ['-p', String(port), '-t', 'ed25519', '127.0.0.1'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const zip = join(here, 'server-certs.zip');
  await command(['ca', 'host-cert', 'web1.example.com', '--zip', zip, ...passphrase]);
  execFileSync('unzip', ['-q', '-o', zip, '-d', '/etc/ssh']);
  t.match(await command(['ca', 'install-host', '/etc/ssh/id_rsa-cert.pub']), /30-trasa-id_rsa\.conf\n$/);
  const status = await run([agent, 'status']);
  t.match(
    status.stdout,
    /^certificates\n {2}\/etc\/ssh\/id_rsa-cert\.pub: good until \S+, 29 days\n {2}user CA SHA256:\S+ signs since /m,
  );
  const byCa = join(here, 'by-ca');
  writeFileSync(byCa, await command(['ca', 'known-hosts', '*.example.com']));
  const byKey = join(here, 'by-key');
  writeFileSync(byKey, knownBefore.replaceAll(/^\S+/gm, 'web1.example.com'));
  const strictly = ['-o', 'StrictHostKeyChecking=yes'];
  t.match(await login('-o', `UserKnownHostsFile=${byCa}`, ...strictly), { status: 0, stderr: '' });
  const plain = ['-o', `UserKnownHostsFile=${byKey}`, '-o', 'HostKeyAlgorithms=ssh-ed25519'];
  t.match(await login(...plain, ...strictly), { status: 0, stderr: '' });
  // Of what a client does by itself with a certified key that is not the one it knows, the manual warns.
  t.match(await login(...plain.slice(0, 2), ...strictly), { status: 255, stderr: /IDENTIFICATION HAS CHANGED/ });
  const again = await run([agent, 'ca', 'install-host', 'id_rsa-cert.pub'], { cwd: '/etc/ssh' });
  t.match(again, { status: 0, stdout: /^wrote \/etc\/ssh\/id_rsa-cert\.pub\n/ });
  t.match(await login('-o', `UserKnownHostsFile=${byCa}`, '-o', 'StrictHostKeyChecking=yes'), { status: 0 }, 'again');
});

t.test('a client trusts the Host CA through a rotation, and no longer when it is taken out', async t => {
  const strictly = ['-o', 'StrictHostKeyChecking=yes'] as const;
  const global = '/etc/ssh/ssh_known_hosts';
  const others = 'elsewhere ssh-ed25519 AAAA and more';
  writeFileSync(global, others);
  t.match(await login(...strictly), { status: 255, stderr: /Host key verification failed/ });
  const install = ['ca', 'known-hosts', '*.example.com', '--install'] as const;
  const keys = join(here, 'host-ca.pub');
  await command(['ca', 'export', 'host', '--output', keys]);
  t.equal(await command([...install, '--keys', keys]), `wrote ${global}\n`);
  t.match(await login(...strictly), { status: 0, stderr: '' });
  t.match(await login('-o', 'HostKeyAlias=web1.example.org', ...strictly), { status: 255 }, 'for these hosts only');

  await command(['ca', 'rotate', 'start', 'host', ...passphrase]);
  await command([...install]);
  t.equal(readFileSync(global, 'utf8').match(/^@cert-authority/gm)?.length, 2);
  await command(['ca', 'rotate', 'finish', 'host', '--force']);
  t.match(await login(...strictly), { status: 0, stderr: '' }, 'the old certificate');
  const made = join(here, 'rotated-cert.pub');
  const names = ['web1.example.com', '--key', '/etc/ssh/id_rsa.pub', '--output', made] as const;
  await command(['ca', 'host-cert', ...names, ...passphrase]);
  await command(['ca', 'install-host', made]);
  t.match(await login(...strictly), { status: 0, stderr: '' }, 'the new one');

  await command(['ca', 'known-hosts', '*.example.com', '--remove']);
  t.equal(readFileSync(global, 'utf8'), others);
  t.match(await login(...strictly), { status: 255, stderr: /Host key verification failed/ });
});

t.test('a certificate of a key that sshd has goes beside it', async t => {
  const [own, made] = ['/etc/ssh/ssh_host_ed25519_key', join(here, 'own-cert.pub')];
  await command(['ca', 'host-cert', 'web2.example.com', '--key', `${own}.pub`, '--output', made, ...passphrase]);
  await command(['ca', 'install-host', made]);
  t.ok(existsSync(`${own}-cert.pub`));
  const known = join(here, 'known');
  writeFileSync(known, await command(['ca', 'known-hosts', 'web2.example.com']));
  const as = ['-o', 'HostKeyAlias=web2.example.com', '-o', 'StrictHostKeyChecking=yes'];
  t.match(await login('-o', `UserKnownHostsFile=${known}`, ...as), { status: 0 });
  const [type, blob] = readFileSync(`${own}.pub`, 'utf8').split(' ');
  writeFileSync(known, `web2.example.com ${type} ${blob}\n`);
  t.match(await login('-o', `UserKnownHostsFile=${known}`, ...as), { status: 0 }, 'who knows the key notices nothing');
  const stranger = makeKey(join(here, 'stranger')).path;
  await command(['ca', 'host-cert', 'x', '--key', `${stranger}.pub`, '--output', made, ...passphrase]);
  t.match(await run([agent, 'ca', 'install-host', made]), { status: 1, stderr: /certifies neither a key beside it/ });
});

/** The key alone opens nothing: whoever is let in, is so by a certificate. */
async function login(...flags: readonly string[]): Promise<Finished> {
  const usual = ['-i', key, '-p', String(port), '-o', 'BatchMode=yes', '-o', 'IdentitiesOnly=yes', '-F', 'none'];
  const unknown = [
    '-o',
    'HostKeyAlias=web1.example.com',
    '-o',
    'UserKnownHostsFile=/dev/null',
    '-o',
    'StrictHostKeyChecking=no',
  ];
  return await run(['ssh', ...flags, ...usual, ...unknown, '-o', 'LogLevel=ERROR', 'alice@127.0.0.1', 'id -un']);
}
