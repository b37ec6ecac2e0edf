/** A proxy whose configuration names nothing but its server: services, policies, keys and CAs are the server's. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { addService, command, configFor, startServer } from '../helpers/e2e/agent.ts';
import { type Finished, run } from '../helpers/e2e/background.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import {
  answering,
  makeUserCa,
  passphraseFile,
  passwordOf,
  type RunningProxy,
  startProxy,
  stateDirectory,
  terminalAt,
  userCaFile,
} from '../helpers/e2e/proxy.ts';
import { makeMember } from '../helpers/e2e/site.ts';
import { fingerprint, makeKey, startSshd } from '../helpers/e2e/sshd.ts';
import { addUser, authorize } from '../helpers/e2e/users.ts';
import { type Browser, signInWith } from '../server/signed-in.ts';

privateHost(t);

const here = mkdtempSync('/root/catalogue-');
const server = await startServer();
const web1 = await addService('web1', ['--hostname', 'web1.test']);
const gate = await addService('gate', ['--proxy']);
const [alice, dave] = [await makeMember('alice', server), await makeMember('dave', server)];
await makeMember('bob', server);
const key = makeKey(here, 'alice');
await command(['server', 'person', 'key', 'add', 'alice@example.com', `${key}.pub`]);
const bobKey = makeKey(here, 'bob');
await command(['server', 'person', 'key', 'add', 'bob@example.com', `${bobKey}.pub`]);
await command(['server', 'group', 'add', 'operators']);
await command(['server', 'group', 'join', 'operators', 'bob@example.com']);
await command(['server', 'access', 'grant', '@operators', 'web1', 'root', '--no-tfa', '--allow-command', 'id *']);
await command(['server', 'person', 'add', 'carol@example.com', '--username', 'carol']);
await command(['server', 'access', 'grant', 'carol@example.com', 'web1', 'alice', '--record']);
for (const name of ['carol', 'dave'])
  await command(['server', 'person', 'password', `${name}@example.com`], `${passwordOf(name)}\n`);
await command(['server', 'enrol', 'totp', 'carol@example.com', '--json', '--no-confirm']);
await command(['server', 'person', 'role', 'dave@example.com', 'admin']);

const admin: Browser = await signInWith(new URL(server.url), 'dave@example.com', passwordOf('dave'), dave.code());
for (const type of ['host', 'system']) await admin.post(`/api/v1/providers/ca/tsxca/ssh/init/${type}`);
const hostKey = join(await unzipped(`/api/v1/services/hostcerts/download/${web1.serviceID}`, 'get'), 'id_rsa');

const user = addUser({ name: 'trasa-proxy', shell: '/usr/sbin/nologin', home: stateDirectory });
await makeUserCa(user);
const upstream = await startSshd({
  forceCommand: '',
  extraConfig: `TrustedUserCAKeys ${userCaFile}\nHostKey ${hostKey}\nHostCertificate ${hostKey}-cert.pub`,
});
await command(['server', 'service', 'change', 'web1', '--address', `127.0.0.1:${upstream.port}`]);
const config = `${configFor(server, gate)}
[proxy]
sshListenAddr = "127.0.0.1:0"
caPassphraseFile = "${passphraseFile}"
maxStartupsPerAddress = 50
penaltyExempt = "127.0.0.0/8"
catalogue = true
catalogueMaxAge = 3600
`;
let proxy: RunningProxy = await startProxy(config, user);
t.teardown(async () => {
  await proxy.process.stop();
  await upstream.stop();
  await server.stop();
});

/** What changed at the server meanwhile is heard of at the start. */
async function restart(): Promise<void> {
  await proxy.process.stop();
  proxy = await startProxy(config, user);
}

async function unzipped(path: string, how: 'get' | 'post'): Promise<string> {
  const folder = mkdtempSync(`${here}/zip-`);
  writeFileSync(`${folder}.zip`, (await admin[how](path)).bytes);
  execFileSync('unzip', ['-q', `${folder}.zip`, '-d', folder]);
  return folder;
}

async function login(identity: string, target: string, code = '', words = 'id -un'): Promise<Finished> {
  const once = ['-o', 'NumberOfPasswordPrompts=1'];
  return await answering(['ssh', ...proxy.flags(identity), ...once, `${target}@proxy`, words], { OTP: code });
}

t.test('a key, a service and a host that only the server knows', async t => {
  const done = await login(key, 'alice@web1', alice.code());
  t.match(done, { status: 0, stdout: 'alice\n' }, done.stderr);
  t.match(await proxy.said(line => line['event'] === 'decision'), {
    account: 'alice',
    target: 'web1',
    person: 'alice@example.com',
    decision: 'allow',
    factor: 'totp',
    server: server.url,
  });
  t.match(upstream.log(), /Accepted publickey for alice .*ID trasa:alice@example.com:web1:/);
  const asked = server.process.stdout
    .split('\n')
    .find(line => line.includes('"factor":"totp"') && line.includes('nix'));
  t.match(JSON.parse(asked ?? ''), { service: 'web1', proxy: gate.serviceID, account: 'alice' });
  t.match(await login(key, 'root@web1'), { status: 255, stdout: '' }, 'that is for the operators');
  t.match(await proxy.said(line => line['decision'] === 'deny'), {
    reason: 'proxy-policy',
    person: 'alice@example.com',
  });
});

t.test('what the grant of a group says: no second factor, and these commands only', async t => {
  const done = await run(['ssh', ...proxy.flags(bobKey), 'root@web1@proxy', 'id -un']);
  t.match(done, { status: 0, stdout: 'root\n' }, done.stderr);
  const other = await run(['ssh', ...proxy.flags(bobKey), 'root@web1@proxy', 'whoami']);
  t.not(other.status, 0);
  t.equal(other.stdout, '');
});

t.test('a host that takes no certificate is opened by what the vault has, and the server knows for whom', async t => {
  const deploy = addUser({ name: 'deploy' });
  const old = await startSshd({ forceCommand: '' });
  t.teardown(async () => await old.stop());
  const opens = makeKey(here, 'opens-old1');
  authorize(deploy, readFileSync(`${opens}.pub`, 'utf8'));
  const oldKey = join(here, 'old1-host.pub');
  writeFileSync(oldKey, old.hostKey);
  await addService('old1');
  const address = `127.0.0.1:${old.port}`;
  await command(['server', 'service', 'change', 'old1', '--address', address, '--host-key', oldKey]);
  await command(['server', 'access', 'grant', 'bob@example.com', 'old1', 'deploy', '--no-tfa']);
  await restart();
  t.match(await login(bobKey, 'deploy@old1'), { status: 255, stdout: '' }, 'there is nothing yet');
  await command(['server', 'vault', 'set', 'old1', 'deploy', '--key'], readFileSync(opens, 'utf8'));
  await restart();
  const done = await login(bobKey, 'deploy@old1');
  t.match(done, { status: 0, stdout: 'deploy\n' }, done.stderr);
  t.ok(old.log().includes(`Accepted publickey for deploy`));
  const lines = server.process.stdout.split('\n').filter(line => line.includes('/api/v1/proxy/vault'));
  t.equal(lines.length, 1);
  t.match(JSON.parse(lines[0] ?? ''), {
    status: 'success',
    service: 'old1',
    proxy: gate.serviceID,
    account: 'deploy',
    person: 'bob@example.com',
    client: '127.0.0.1',
    detail: 'handed out the key',
  });
  t.notOk(readFileSync(join(stateDirectory, 'catalogue.json'), 'utf8').includes('PRIVATE KEY'));
});

t.test('whoever types the username is the same person', async t => {
  const terminal = terminalAt(proxy, 'alice@web1');
  await terminal.expect('Enter Email (TRASA): ');
  terminal.send('carol\r');
  await terminal.expect('Enter Password (TRASA): ');
  terminal.send(`${passwordOf('carol')}\r`);
  await terminal.expect('Enter OTP(Blank for U2F): ');
  await terminal.interrupt();
  t.match(await proxy.said(line => line['decision'] === 'deny'), { person: 'carol@example.com', account: 'alice' });
});

t.test("the System CA's certificate is a first factor here, until it is revoked, and opens no host", async t => {
  const own = join(await unzipped('/api/v1/my/generatekey', 'post'), 'id_rsa');
  const done = await login(own, 'dave@web1', dave.code());
  t.match(done, { status: 0, stdout: 'dave\n' }, done.stderr);
  t.match(await proxy.said(line => line['decision'] === 'allow' && line['account'] === 'dave'), {
    person: 'dave@example.com',
    factor: 'totp',
  });
  const blindly = ['-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'];
  const direct = await run(['ssh', '-F', upstream.configFile, ...blindly, '-i', own, 'dave@target', 'id']);
  t.match(direct, { status: 255, stderr: /Permission denied/ });
  const shown = execFileSync('ssh-keygen', ['-L', '-f', `${own}-cert.pub`], { encoding: 'utf8' });
  const serial = /Serial: (\d+)/.exec(shown)?.[1] ?? '';
  await command(['ca', 'revoke', '--ca', '/var/lib/trasa-server/system-ca', '--serial', serial]);
  await restart();
  t.match(await login(own, 'dave@web1', '000000'), { status: 255, stdout: '', stderr: /Enter TRASA credentials/ });
});

t.test('a key that is taken away, a person who is disabled', async t => {
  const spare = makeKey(here, 'spare');
  await command(['server', 'person', 'key', 'add', 'alice@example.com', `${spare}.pub`]);
  await restart();
  t.match(await login(spare, 'alice@web1', alice.wrongCode()), { status: 255, stderr: /Second factor/ }, 'it is known');
  await command(['server', 'person', 'key', 'remove', fingerprint(readFileSync(`${spare}.pub`, 'utf8'))]);
  await restart();
  t.match(await login(spare, 'alice@web1', '000000'), { status: 255, stderr: /Enter TRASA credentials/ });
  await command(['server', 'person', 'disable', 'bob@example.com']);
  await restart();
  t.match(await login(bobKey, 'root@web1'), { status: 255, stdout: '', stderr: /Enter TRASA credentials/ });
  await command(['server', 'person', 'enable', 'bob@example.com']);
  await restart();
  t.match(await login(bobKey, 'root@web1'), { status: 0, stdout: 'root\n' });
});

t.test('without the server the last catalogue goes on, and the second factor does not', async t => {
  const { stdout } = await server.process.stop('SIGKILL');
  t.notMatch(stdout, /"event":"error"/);
  await restart();
  t.match(await proxy.said(line => /no news of the catalogue/.test(String(line['text']))), { level: 'warn' });
  t.match(await login(bobKey, 'root@web1'), { status: 0, stdout: 'root\n' }, 'who needs no second factor');
  const denied = await login(key, 'alice@web1', '123456');
  t.match(denied, { status: 255, stdout: '' });
  t.match(await proxy.said(line => line['decision'] === 'deny'), { target: 'web1', reason: 'server-unavailable' });
});

t.test('when it is too old, nothing of it counts', async t => {
  const file = join(stateDirectory, 'catalogue.json');
  const kept = JSON.parse(readFileSync(file, 'utf8')) as { confirmedAt: number };
  writeFileSync(file, JSON.stringify({ ...kept, confirmedAt: kept.confirmedAt - 3_600_000 }));
  await restart();
  t.ok(await proxy.said(line => /catalogue is too old/.test(String(line['text']))));
  t.match(await login(bobKey, 'root@web1'), { status: 255, stdout: '' });
});
