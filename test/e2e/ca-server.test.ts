/** The server's CAs as an administrator sets them up through TRASA's API, with real sshd and ssh as the judges. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Secret } from '../../src/otp/secret.ts';
import { totpAt } from '../../src/otp/totp.ts';
import { addPerson, addService, command, enrolTotp, type Server, startServer } from '../helpers/e2e/agent.ts';
import { type Finished, run } from '../helpers/e2e/background.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { type Sshd, startSshd } from '../helpers/e2e/sshd.ts';
import { until } from '../helpers/e2e/until.ts';
import { addUser, authorize } from '../helpers/e2e/users.ts';
import { type Browser, signInWith } from '../server/signed-in.ts';
import { folder, makeKey } from '../ssh/openssh.ts';

privateHost(t);

const here = folder();
const base = '/api/v1/providers/ca/tsxca/ssh';
const ofServer = ['--ca', '/var/lib/trasa-server/ca', '--master-key', '/var/lib/trasa-server/master.key'];
const userCa = '/etc/ssh/trasa-user-ca.pub';
const krl = '/etc/ssh/trasa-revoked.krl';
const alice = addUser({ name: 'alice' });
const key = makeKey(join(here, 'alice')).path;
let server: Server;
let admin: Browser;
let serviceID: string;

t.before(async () => {
  server = await startServer();
  ({ serviceID } = await addService('web1', ['--hostname', 'web1.example.com:22']));
  await addPerson('root@example.com', 'web1', []);
  await command(['server', 'person', 'password', 'root@example.com'], 'correct horse\n');
  await command(['server', 'person', 'role', 'root@example.com', 'admin']);
  const secret = new Secret(await enrolTotp('root@example.com'));
  const code = totpAt({ secret, algorithm: 'sha1', digits: 6, periodSeconds: 30 }, Date.now()).expose();
  admin = await signInWith(new URL(server.url), 'root@example.com', 'correct horse', code);
  for (const type of ['user', 'host', 'system']) await admin.post(`${base}/init/${type}`);
});
t.teardown(async () => await server.stop());

t.test('clients know a host by the zip that the server made for it', async t => {
  const { bytes } = await admin.get(`/api/v1/services/hostcerts/download/${serviceID}`);
  writeFileSync(join(here, 'server-certs.zip'), bytes);
  execFileSync('unzip', ['-q', '-o', join(here, 'server-certs.zip'), '-d', '/etc/ssh']);
  const lines = 'HostKey /etc/ssh/id_rsa\nHostCertificate /etc/ssh/id_rsa-cert.pub';
  const sshd = await startSshd({ forceCommand: '', extraConfig: lines });
  t.teardown(async () => await sshd.stop());
  authorize(alice, sshd.publicKey);
  const knownHosts = '/etc/ssh/ssh_known_hosts';
  const strictly = async (name: string): Promise<Finished> =>
    await connect(sshd, ['-o', 'UserKnownHostsFile=none', '-o', `HostKeyAlias=${name}`]);
  writeFileSync(knownHosts, '');
  t.match(await strictly('web1.example.com'), { status: 255 });
  const ca = (await admin.get(`${base}/host`)).body;
  writeFileSync(knownHosts, `@cert-authority *.example.com ${ca}`);
  t.match(await strictly('web1.example.com'), { status: 0, stderr: '' });
  t.match(await strictly('web2.example.com'), { status: 255 }, 'no other name');
});

t.test('people are let in by the server’s User CA until the list that it gives says otherwise', async t => {
  writeFileSync(userCa, (await admin.get(`${base}/user`)).body);
  await fetchKrl();
  const extraConfig = `TrustedUserCAKeys ${userCa}\nRevokedKeys ${krl}`;
  const sshd = await startSshd({ forceCommand: '', extraConfig });
  t.teardown(async () => await sshd.stop());
  const certificate = `${key}-cert.pub`;
  const sign = async (): Promise<string> =>
    await command(['ca', 'sign-user', ...ofServer, '--principal', 'alice', '--output', certificate, `${key}.pub`]);
  await sign();
  t.match(await connect(sshd, ['-i', key]), { status: 0, stdout: 'alice\n' });
  const serial = /Serial: (\d+)/.exec(execFileSync('ssh-keygen', ['-L', '-f', certificate], { encoding: 'utf8' }));
  await command(['ca', 'revoke', ...ofServer.slice(0, 2), '--serial', serial?.[1] ?? '']);
  t.match(await connect(sshd, ['-i', key]), { status: 0 }, 'before the host has heard of it');
  await until('the new list', async () => (await fetchKrl()) !== '');
  t.match(await connect(sshd, ['-i', key]), { status: 255, stderr: /Permission denied/ });
  await sign();
  t.match(await connect(sshd, ['-i', key]), { status: 0 }, 'the next one is good');
});

t.test('a key for the access proxy opens no host', async t => {
  const { bytes } = await admin.post('/api/v1/my/generatekey');
  writeFileSync(join(here, 'id_rsa.zip'), bytes);
  execFileSync('unzip', ['-q', '-o', join(here, 'id_rsa.zip'), '-d', here]);
  const sshd = await startSshd({ forceCommand: '', extraConfig: `TrustedUserCAKeys ${userCa}` });
  t.teardown(async () => await sshd.stop());
  t.match(await connect(sshd, ['-i', join(here, 'id_rsa')]), { status: 255, stderr: /Permission denied/ });
  const caFile = '/etc/ssh/system-ca.pub';
  writeFileSync(caFile, (await admin.get(`${base}/system`)).body);
  const careless = await startSshd({ forceCommand: '', extraConfig: `TrustedUserCAKeys ${caFile}` });
  t.teardown(async () => await careless.stop());
  t.match(await connect(careless, ['-i', join(here, 'id_rsa')]), { status: 255 }, 'not even one that trusts its CA');
});

t.test('a rotation of the server’s CA shows in what it hands out', async t => {
  const lines = async (): Promise<number> => (await admin.get(`${base}/user`)).body.trimEnd().split('\n').length;
  t.equal(await lines(), 1);
  await command(['ca', 'rotate', 'start', 'user', ...ofServer]);
  t.equal(await lines(), 2);
  await command(['ca', 'rotate', 'finish', 'user', '--force', ...ofServer.slice(0, 2)]);
  const certificate = `${key}-cert.pub`;
  await command(['ca', 'sign-user', ...ofServer, '--principal', 'alice', '--output', certificate, `${key}.pub`]);
  writeFileSync(userCa, (await admin.get(`${base}/user`)).body);
  const sshd = await startSshd({ forceCommand: '', extraConfig: `TrustedUserCAKeys ${userCa}` });
  t.teardown(async () => await sshd.stop());
  t.match(await connect(sshd, ['-i', key]), { status: 0 });
});

t.test('after a rotation of the Host CA a host comes over, and no client is refused meanwhile', async t => {
  const certificate = '/etc/ssh/id_rsa-cert.pub'; // of the first test
  const lines = `HostKey /etc/ssh/id_rsa\nHostCertificate ${certificate}`;
  const sshd = await startSshd({ forceCommand: '', extraConfig: lines });
  t.teardown(async () => await sshd.stop());
  authorize(alice, sshd.publicKey);
  const known = async (): Promise<void> => {
    const cas = (await admin.get(`${base}/host`)).body.trimEnd().split('\n');
    writeFileSync('/etc/ssh/ssh_known_hosts', cas.map(ca => `@cert-authority *.example.com ${ca}\n`).join(''));
  };
  const strictly = async (): Promise<Finished> =>
    await connect(sshd, ['-o', 'UserKnownHostsFile=none', '-o', 'HostKeyAlias=web1.example.com']);
  const renew = async (...more: string[]): Promise<string> =>
    await command(['ca', 'renew', certificate, '--url', server.url, '--pin', server.pin, ...more]);
  const shown = (): string => execFileSync('ssh-keygen', ['-L', '-f', certificate], { encoding: 'utf8' });

  const before = shown();
  t.match(await renew(), /not due yet/);
  await t.rejects(renew('--all'), /status 1.*too early/);
  await command(['ca', 'rotate', 'start', 'host', ...ofServer]);
  const finish = ['ca', 'rotate', 'finish', 'host', ...ofServer.slice(0, 2)];
  await t.rejects(
    command(finish),
    /web1\.example\.com does not trust the next host CA yet/,
    'as a client, it has said',
  );
  await known();
  await renew();
  t.match(
    await command(['ca', 'rotate', 'status', ...ofServer.slice(0, 2)]),
    /host CA: SHA256:\S+ signs, SHA256:\S+ is next\n.*\nweb1\.example\.com +the new CA +\S+ \S+ +none of them +the new CA /,
  );
  await command(finish);
  t.match(await strictly(), { status: 0, stderr: '' }, 'by the old one');
  await t.rejects(renew('--all', '--reload', 'no-such'), /the certificates are again those that were there/);
  t.equal(shown(), before);
  t.match(await renew('--all'), /renewed until .*have sshd reloaded/s);
  t.match(await strictly(), { status: 0, stderr: '' }, 'before sshd knows');
  sshd.process.child.kill('SIGHUP');
  await until('sshd to listen again', () => sshd.log().split('Server listening on').length > 2);
  const [, newCa = ''] = /Signing CA: \S+ (SHA256:\S+)/.exec(shown()) ?? [];
  t.notOk(before.includes(newCa), 'another CA signed it');
  t.match(await strictly(), { status: 0, stderr: '' }, 'by the new one');
  t.match(sshd.log(), /SIGHUP/);
});

t.test('the master key is the passphrase, and another one is not', async t => {
  const wrong = '/root/other.key';
  writeFileSync(wrong, `${Buffer.alloc(32).toString('base64')}\n`, { mode: 0o600 });
  const sign = ['ca', 'sign-user', '--ca', '/var/lib/trasa-server/ca', '--principal', 'alice'];
  await t.rejects(command([...sign, '--master-key', wrong, `${key}.pub`]), /status 78.*passphrase is wrong/);
  await t.rejects(command([...sign, '--master-key', key, `${key}.pub`]), /status 78.*is not a master key/);
  await t.rejects(command([...sign, ...ofServer.slice(2), '--passphrase-file', wrong, `${key}.pub`]), /status 64/);
});

/** As a host gets it. @returns what it prints: nothing, if there is no other list */
async function fetchKrl(): Promise<string> {
  return await command(['ca', 'krl', '--url', `${server.url}/ca/krl`, '--pin', server.pin, '--output', krl]);
}

async function connect(sshd: Sshd, flags: readonly string[]): Promise<Finished> {
  return await run(['ssh', ...flags, '-o', 'BatchMode=yes', '-F', sshd.configFile, 'alice@target', 'id -un']);
}
