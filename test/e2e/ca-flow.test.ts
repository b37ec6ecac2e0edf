/** The CA as an administrator sets it up, with the packaged agent: people by the User CA, hosts by the Host CA. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { command } from '../helpers/e2e/agent.ts';
import { Background, type Finished, run } from '../helpers/e2e/background.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import { type Sshd, startSshd } from '../helpers/e2e/sshd.ts';
import { until } from '../helpers/e2e/until.ts';
import { addUser } from '../helpers/e2e/users.ts';
import { folder, keygen, makeKey } from '../ssh/openssh.ts';

privateHost(t);

const here = folder();
const passphraseFile = '/root/ca.passphrase';
const withPassphrase = ['--passphrase-file', passphraseFile];
const hostName = 'web1.example.com';
addUser({ name: 'alice' });
addUser({ name: 'bob' });
const key = makeKey(join(here, 'alice')).path;

t.before(async () => {
  writeFileSync(passphraseFile, 'correct horse battery staple\n');
  chmodSync(passphraseFile, 0o600);
  await command(['ca', 'init', ...withPassphrase]);
  writeFileSync('/etc/ssh/trasa-user-ca.pub', await command(['ca', 'export', 'user']));
  await command(['ca', 'krl', '--output', '/etc/ssh/trasa-revoked.krl']);
});

t.test('people log in with certificates of the User CA, until they are revoked', async t => {
  const extraConfig = 'TrustedUserCAKeys /etc/ssh/trasa-user-ca.pub\nRevokedKeys /etc/ssh/trasa-revoked.krl';
  const sshd = await startSshd({ forceCommand: '', extraConfig });
  t.teardown(async () => await sshd.stop());
  const login = async (account: string): Promise<Finished> => await connect(sshd, account, ['-i', key]);

  t.match(await login('alice'), { status: 255, stderr: /Permission denied/ }, 'not without one');
  const certificate = `${key}-cert.pub`;
  writeFileSync(
    certificate,
    await command(['ca', 'sign-user', '--principal', 'alice', ...withPassphrase, `${key}.pub`]),
  );
  t.match(await login('alice'), { status: 0, stdout: 'alice\n' });
  t.match(await login('bob'), { status: 255, stderr: /Permission denied/ });

  const issued = await command(['ca', 'issued', '--json']);
  t.match(JSON.parse(issued.split('\n')[0] ?? ''), { serial: '1', type: 'user', principals: ['alice'] });
  t.equal(await command(['ca', 'revoke', '--serial', '1', '--krl', '/etc/ssh/trasa-revoked.krl']), 'revoked\n');
  t.match(await login('alice'), { status: 255, stderr: /Permission denied/ });
  const again = ['ca', 'sign-user', '--principal', 'alice', ...withPassphrase, '--output', certificate, `${key}.pub`];
  t.equal(await command(again), '');
  t.match(await login('alice'), { status: 0 }, 'the next one is good');
});

t.test('through a rotation of the User CA nobody is refused', async t => {
  const trusted = '/etc/ssh/trasa-user-ca.pub';
  const sshd = await startSshd({ forceCommand: '', extraConfig: `TrustedUserCAKeys ${trusted}` });
  t.teardown(async () => await sshd.stop());
  const certificate = `${key}-cert.pub`;
  const sign = ['ca', 'sign-user', '--principal', 'alice', ...withPassphrase, '--output', certificate, `${key}.pub`];
  const login = async (): Promise<Finished> => await connect(sshd, 'alice', ['-i', key]);
  const publish = async (): Promise<string> => await command(['ca', 'export', 'user', '--output', trusted]);

  await command(sign);
  const [byOld, caOfOld] = [readFileSync(certificate), readFileSync(trusted, 'utf8')];
  t.match(
    await command(['ca', 'rotate', 'start', 'user', ...withPassphrase]),
    /^made the next user CA: ssh-ed25519 SHA256/,
  );
  await publish();
  t.equal(readFileSync(trusted, 'utf8').split('\n').length, 3, 'two lines');
  await command(sign);
  t.match(await login(), { status: 0 }, 'the old one signs');
  t.match(
    await command(['ca', 'rotate', 'finish', 'user']),
    /^the user CA is now SHA256:.*\ncertificates by SHA256:.* are left until 20/,
  );
  await command(sign);
  t.match(await login(), { status: 0 }, 'the new one signs');
  await publish();
  t.match(await login(), { status: 0 });
  writeFileSync(certificate, byOld);
  t.match(await login(), { status: 0 }, 'what the old one signed is good');
  writeFileSync(trusted, caOfOld);
  await command(sign);
  t.match(await login(), { status: 255 }, 'a host that missed the new one refuses it');
  await publish();
});

for (const [type, file] of [
  ['rsa', 'id_rsa'],
  ['ed25519', 'ssh_host_ed25519_key'],
] as const)
  t.test(`clients know a host by the zip of ${type} that was extracted into /etc/ssh`, async t => {
    const zip = join(here, `${type}.zip`);
    await command(['ca', 'host-cert', `${hostName},10.0.0.5`, '--type', type, '--zip', zip, ...withPassphrase]);
    execFileSync('unzip', ['-q', '-o', zip, '-d', '/etc/ssh']);
    const extraConfig = `HostKey /etc/ssh/${file}\nHostCertificate /etc/ssh/${file}-cert.pub\nTrustedUserCAKeys /etc/ssh/trasa-user-ca.pub`;
    const dropIn = '/etc/ssh/sshd_config.d/trasa-host-certificate.conf';
    if (type === 'ed25519')
      t.equal(readFileSync(dropIn, 'utf8'), extraConfig.split('\n').slice(0, 2).join('\n').concat('\n'));
    const sshd = await startSshd({ forceCommand: '', extraConfig });
    t.teardown(async () => await sshd.stop());
    const knownHosts = '/etc/ssh/ssh_known_hosts';
    const strictly = async (name: string): Promise<Finished> =>
      await connect(sshd, 'alice', ['-i', key, '-o', 'UserKnownHostsFile=none', '-o', `HostKeyAlias=${name}`]);

    writeFileSync(knownHosts, '');
    t.match(await strictly(hostName), { status: 255, stderr: /Host key verification failed|No .* host key is known/ });
    writeFileSync(knownHosts, await command(['ca', 'known-hosts', '*.example.com']));
    t.match(await strictly(hostName), { status: 0, stderr: '' });
    t.match(await strictly('web2.example.com'), { status: 255 }, 'a name that the certificate has not');
    t.match(await strictly('10.0.0.5'), { status: 255 }, 'a name that the line of known_hosts has not');
  });

t.test("a host's own key is certified, and stays what it is", async t => {
  const own = makeKey('/etc/ssh/own_key').path;
  const output = `${own}-cert.pub`;
  await command([
    'ca',
    'host-cert',
    hostName,
    '--key',
    `${own}.pub`,
    '--for',
    '12h',
    '--output',
    output,
    ...withPassphrase,
  ]);
  t.match(keygen('-L', '-f', output), /host certificate[^]*Principals: \n +web1\.example\.com\n/);
});

t.test('a CA whose key is in an ssh-agent signs while the agent is there', async t => {
  const socket = join(here, 'agent.sock');
  const sshAgent = new Background(['ssh-agent', '-D', '-a', socket]);
  t.teardown(async () => await sshAgent.stop());
  const env = { SSH_AUTH_SOCK: socket };
  await until('the agent', async () => (await run(['ssh-add', '-l'], { env })).status !== 2); // 2: it does not answer
  const ca = makeKey(join(here, 'ca-in-agent')).path;
  await run(['ssh-add', '-q', ca], { env });
  rmSync(ca);
  const directory = ['--ca', '/var/lib/ca-in-agent'];
  t.match(await command(['ca', 'init', ...directory, '--user', '--agent-key', `${ca}.pub`]), /in your ssh-agent\n$/);
  const sign = [agent, 'ca', 'sign-user', ...directory, '--principal', 'alice', `${key}.pub`] as const;
  const signed = await run([...sign], { env });
  t.equal(signed.status, 0, signed.stderr);
  t.match(signed.stdout, /^ssh-ed25519-cert-v01@openssh\.com AAAA/);
  t.match(await run([...sign]), { status: 78, stderr: /kept by an ssh-agent, and SSH_AUTH_SOCK names none/ });
});

t.test('what is wrong is said in one line, with a status, and without a passphrase where none is needed', async t => {
  const cases: [string[], number, RegExp][] = [
    [['init'], 1, /there is a user CA already, and it stays/],
    [['init', '--ca', '/var/lib/other', '--passphrase-file', '/root/none'], 78, /\/root\/none: does not exist/],
    [['init', '--ca', '/var/lib/other'], 1, /no passphrase was given, or/],
    [['init', '--ca', '/var/lib/other', '--agent-key', `${key}.pub`], 64, /say --user or --host/],
    [['export', 'user', '--ca', '/var/lib/none'], 78, /does not exist; trasa-agent ca init makes it/],
    [['export', 'both'], 64, /Invalid values|both/],
    [['sign-user', `${key}.pub`, ...withPassphrase], 64, /principal/],
    [
      ['sign-user', '--principal', 'alice', ...withPassphrase, '/etc/passwd'],
      1,
      /\/etc\/passwd: is more than one line/,
    ],
    [['sign-user', '--principal', 'alice', ...withPassphrase, '--for', 'ever', `${key}.pub`], 1, /say 5m, 12h or 30d/],
    [['sign-user', '--principal', 'alice', ...withPassphrase, '/root'], 1, /\/root: is not a regular file/],
    [
      ['sign-user', '--principal', 'alice', ...withPassphrase, `${key}-cert.pub`],
      1,
      /is a certificate, not a plain key/,
    ],
    [['host-cert', 'web1'], 64, /say --key or --zip/],
    [['host-cert', 'web1', '--key', 'x', '--zip', 'y'], 64, /mutually exclusive/],
    [['host-cert', '*', '--zip', join(here, 'star.zip'), ...withPassphrase], 1, /is not the name of a host/],
    [['revoke'], 64, /say one of --serial/],
    [['revoke', '--serial', '1', '--key-id', 'x'], 64, /say one of --serial/],
    [['revoke', '--serial', '4711'], 1, /no certificate on record has the serial 4711/],
    [['known-hosts', '*'], 1, /only --any allows/],
    [['known-hosts', '*', '--install', '--file', join(here, 'known')], 1, /only --any allows/],
    [['known-hosts', 'x', '--install', '--remove'], 64, /say --install or --remove/],
  ];
  for (const [words, expected, text] of cases) {
    const { status, stderr } = await run([agent, 'ca', ...words], { input: '' });
    t.match(stderr, text, words.join(' '));
    t.match(stderr, /^trasa-agent: .+\n(Try 'trasa-agent --help'\.\n)?$/, words.join(' '));
    t.equal(status, expected, words.join(' '));
  }
  t.notOk(existsSync(join(here, 'star.zip')));
  const lock = new DatabaseSync('/var/lib/trasa-ca/ca.db');
  lock.exec('BEGIN IMMEDIATE');
  t.match(await run([agent, 'ca', 'issued']), { status: 78, stderr: /ca\.db: database is locked/ });
  lock.close();
  const wrong = '/root/wrong.passphrase';
  writeFileSync(wrong, 'incorrect horse\n', { mode: 0o600 });
  const { status, stderr } = await run([
    agent,
    'ca',
    'sign-user',
    '--principal',
    'a',
    '--passphrase-file',
    wrong,
    `${key}.pub`,
  ]);
  t.match(stderr, /ssh-user-ca\.key: the passphrase is wrong, or the file is damaged/);
  t.equal(status, 78);
});

async function connect(sshd: Sshd, account: string, flags: readonly string[]): Promise<Finished> {
  return await run(['ssh', ...flags, '-o', 'BatchMode=yes', '-F', sshd.configFile, `${account}@target`, 'id -un']);
}
