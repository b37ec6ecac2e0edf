/** trasa-proxy.service under systemd, as confined as it is: set up by the words of trasa-agent-proxy(8), used, reloaded, removed. */
import { chmodSync, chownSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { addService } from '../helpers/e2e/agent.ts';
import { run } from '../helpers/e2e/background.ts';
import { type Member, makeMember } from '../helpers/e2e/site.ts';
import { fingerprint } from '../helpers/e2e/sshd.ts';
import { Terminal } from '../helpers/e2e/terminal.ts';
import { until } from '../helpers/e2e/until.ts';
import { bootedHost } from '../helpers/package/booted-host.ts';
import { apt, repository, useRepository } from '../helpers/package/repository.ts';
import { journal, mainPid, must, startServer } from '../helpers/package/site.ts';

t.setTimeout(600_000);
bootedHost(t);

const unit = 'trasa-proxy.service';
const configFile = '/etc/trasa/trasa-proxy.toml';
const passphraseFile = '/etc/trasa/ca.passphrase';
const asProxy = ['setpriv', '--reuid=trasa-proxy', '--regid=trasa-proxy', '--clear-groups', 'trasa-agent'] as const;

/** To be read by root and the proxy, and by nobody else. */
function handOver(file: string, text: string): void {
  writeFileSync(file, text);
  chownSync(file, 0, Number(/^trasa-proxy:[^:]*:(\d+):/m.exec(readFileSync('/etc/group', 'utf8'))?.[1]));
  chmodSync(file, 0o640);
}

let alice: Member;
/** Of [proxy.services]; web2 is the same host. */
let serviceLines = '';
let proxyLines = '';

/** As in SETTING IT UP of trasa-agent-proxy(8), beside a server that knows the proxy as one. */
async function setUp(): Promise<void> {
  const { url, pin } = await startServer();
  const gate = await addService('gate', ['--proxy']);
  const web1 = await addService('web1');
  alice = await makeMember('alice', { url });
  await must('install', '-d', '-m', '700', '-o', 'trasa-proxy', '-g', 'trasa-proxy', '/var/lib/trasa-ca');
  handOver(passphraseFile, 'long enough a passphrase\n');
  await must(...asProxy, 'ca', 'init', '--user', '--passphrase-file', passphraseFile);
  writeFileSync('/etc/ssh/trasa-user-ca.pub', await must(...asProxy, 'ca', 'export', 'user'));
  writeFileSync('/etc/ssh/sshd_config.d/20-ca.conf', 'TrustedUserCAKeys /etc/ssh/trasa-user-ca.pub\n');
  await must('systemctl', 'restart', 'ssh.service');
  await must('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', '/root/key');
  handOver('/etc/trasa/web1.key', web1.serviceKey);
  proxyLines = `trasaServerURL = "${url}"
serviceID = "${gate.serviceID}"
serviceKey = "${gate.serviceKey}"
pins = ["${pin}"]
[policy]
grace = 600
[proxy]
sshListenAddr = "127.0.0.1:8022"
caPassphraseFile = "${passphraseFile}"
auditFile = "/var/log/trasa-proxy/audit.log"
metricsAddr = "127.0.0.1:9822"
catalogue = true
workers = 2
[proxy.keys]
"${fingerprint(readFileSync('/root/key.pub', 'utf8'))}" = "alice@example.com"
`;
  serviceLines = `address = "127.0.0.1:22"
accounts = ["alice"]
hostKey = ${JSON.stringify(readFileSync('/etc/ssh/ssh_host_ed25519_key.pub', 'utf8').trim())}
serviceID = "${web1.serviceID}"
serviceKeyFile = "/etc/trasa/web1.key"
record = true
`;
  configure(['web1']);
}

function configure(services: readonly string[]): void {
  handOver(configFile, proxyLines + services.map(name => `[proxy.services.${name}]\n${serviceLines}`).join(''));
}

/** For the first time: within the grace nobody is asked again. */
async function enter(service: string, ...words: readonly string[]): Promise<Terminal> {
  const login = ssh(service, ...words);
  await login.expect('Enter OTP(Blank for U2F): ');
  login.send(`${alice.code()}\r`);
  return login;
}

function ssh(service: string, ...words: readonly string[]): Terminal {
  const flags = ['-F', '/dev/null', '-i', '/root/key', '-p', '8022', '-o', 'UserKnownHostsFile=/root/known_hosts'];
  return new Terminal(['ssh', ...flags, '-tt', `alice@${service}@127.0.0.1`, ...words]);
}

/** The line of the proxy's log of which `wanted` is true. */
async function said(wanted: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
  return await until(`a line: ${String(wanted)}`, async () => (await journal(unit)).find(wanted));
}

async function workersOf(): Promise<string[]> {
  const pid = await mainPid(unit);
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
}

await useRepository(`file:${repository}`);
await apt('install', 'trasa-agent');

t.test('without a configuration it does not start, and that is no failure', async t => {
  await must('systemctl', 'start', unit);
  t.equal(await must('systemctl', 'show', '--value', '--property=ConditionResult', unit), 'no');
  t.match(await run(['systemctl', 'is-failed', unit]), { stdout: 'inactive\n' });
});

t.test('a wrong configuration is not tried again and again', async t => {
  handOver(configFile, 'trasaServerURL = "https://127.0.0.1:1"\n');
  await run(['systemctl', 'start', unit]);
  await until('its end', async () => (await run(['systemctl', 'is-failed', unit])).stdout === 'failed\n');
  t.equal(await must('systemctl', 'show', '--value', '--property=NRestarts', unit), '0');
  t.match(
    await must('journalctl', '--no-pager', '--output=cat', `--unit=${unit}`),
    /trasa-proxy\.toml/,
    'it says which file is wrong',
  );
  t.match(await run(['trasa-agent', 'doctor', '--offline']), {
    status: 2,
    stderr: '',
    stdout:
      /^breakage: trasa-proxy\.toml: [^]*\[proxy-config\][^]*^breakage: trasa-proxy\.service has failed.*\[proxy-down\]/m,
  });
});

t.test('a login through it, recorded', async t => {
  await setUp();
  const valid = /trasa-proxy\.toml: configuration is valid\n.*: accepts this host\n/;
  t.match(
    await run([...asProxy, 'check', '--proxy']),
    { status: 0, stderr: '', stdout: valid },
    'before its first start',
  );
  await must('systemctl', 'enable', '--now', unit);
  await said(({ text }) => text === 'ready');
  writeFileSync(
    '/root/known_hosts',
    readFileSync('/var/lib/trasa-proxy/ssh_host_ed25519_key.pub', 'utf8').replace(/^/, '[127.0.0.1]:8022 '),
  );
  const login = await enter('web1', 'id -un; exit 7');
  await login.expect(/^alice\r$/m);
  t.match(await login.ended(), { exitCode: 7 });

  for (const wanted of ['decision', 'session-start', 'channel-start', 'recording-sealed', 'session-end'])
    t.ok(await said(({ event }) => event === wanted), wanted);
  t.match(readFileSync('/var/log/trasa-proxy/audit.log', 'utf8'), /"factor":"totp"/);
  t.match(await run(['sh', '-c', 'cat /var/lib/trasa-proxy/recordings/*.cast']), { stdout: /alice/ });
  t.match(await run(['trasa-agent', 'proxy', 'recordings', 'verify']), { status: 0, stdout: /: sealed: / });
  t.ok(existsSync('/var/lib/trasa-proxy/catalogue.json'));
  t.match(await run(['trasa-agent', 'check', '--proxy']), { status: 0, stderr: '', stdout: valid }, 'by root, too');
});

t.test('a reload takes a new service in and drops no session, which root sees and ends', async t => {
  const before = ssh('web1');
  await before.expect(/\$ $/);
  const workers = await workersOf();
  configure(['web1', 'web2']);
  await must('systemctl', 'reload', unit);
  await said(({ text, services }) => text === 'reloaded' && services === 2);
  const after = await enter('web2');
  await after.expect(/\$ $/);
  before.send('echo still $((40 + 2))\r');
  await before.expect(/^still 42\r$/m);

  const { stdout } = await run(['trasa-agent', 'proxy', 'sessions', 'list', '--json']);
  const sessions = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>);
  t.match(sessions, [
    { person: 'alice@example.com', account: 'alice', service: 'web1', isRecorded: true },
    { person: 'alice@example.com', account: 'alice', service: 'web2', isRecorded: true },
  ]);
  t.match(await run([...asProxy, 'proxy', 'sessions', 'list']), { status: 0, stdout: /web1.*\n.*web2/ });
  t.match(await run(['setpriv', '--reuid=alice', 'trasa-agent', 'proxy', 'sessions', 'list']), { status: 69 });
  await must('trasa-agent', 'proxy', 'sessions', 'end', String(sessions[0]?.['id']));
  await before.expect('An administrator has ended this session.');
  t.match(await said(({ event }) => event === 'ended-by-administrator'), { uid: 0, attempt: sessions[0]?.['id'] });
  await until('the workers of before to go', async () => !(await workersOf()).some(pid => workers.includes(pid)));
  after.send('exit\r');
  t.match(await after.ended(), { exitCode: 0 });
});

t.test('root asks for the rest without saying where the configuration is', async t => {
  for (const words of ['approvals list', 'host-keys list', 'recordings key'])
    t.match(await run(['trasa-agent', 'proxy', ...words.split(' ')]), { status: 0, stderr: '' }, words);
  t.match(await run(['trasa-agent', 'graces', 'list', '--proxy']), { status: 0, stderr: '' }, 'graces');
  const nothing = /^nothing found \(looked at: the access proxy with 2 services\)\n$/;
  t.match(await run(['trasa-agent', 'doctor']), { status: 0, stderr: '', stdout: nothing });
  t.match(await run(['trasa-agent', 'status']), { status: 0, stderr: '', stdout: /^proxy\n[^]* 2 workers\n/ });
  const bundle = await run(['trasa-agent', 'support-bundle']);
  t.match(bundle, {
    status: 0,
    stdout: /^== the proxy's log of a week\n[^]*"event":"proxy","level":"info","text":"ready"/m,
  });
});

t.test('its ciphers are those in C, and it says how it is', async t => {
  t.ok(existsSync('/usr/lib/trasa-agent/trasa_ssh.node'));
  t.notOk((await journal(unit)).some(({ text }) => String(text).includes('ciphers are slower')));
  t.equal(await (await fetch('http://127.0.0.1:9822/readyz')).text(), 'ready\n');
  await until('all three sessions', async () =>
    /^trasa_proxy_sessions_started_total 3$/m.test(await (await fetch('http://127.0.0.1:9822/metrics')).text()),
  );
});

t.test('a worker that dies is replaced, and the others go on', async t => {
  const two = await until('two workers', async () => {
    const all = await workersOf();
    return all.length === 2 && all;
  });
  process.kill(Number(two[0]), 'SIGKILL');
  await until('another one', async () => {
    const all = await workersOf();
    return all.length === 2 && all.includes(two[1] ?? '') && !all.includes(two[0] ?? '');
  });
  t.match(await ssh('web1', 'exit 5').ended(), { exitCode: 5 });
});

t.test('it is started again if it dies, and ends when told', async t => {
  const pid = await mainPid(unit);
  process.kill(Number(pid), 'SIGKILL');
  await until('another one', async () => !['0', pid].includes(await mainPid(unit)));
  await must('systemctl', 'stop', unit);
  t.equal(await must('systemctl', 'show', '--value', '--property=Result', unit), 'success');
  t.match(await run(['trasa-agent', 'doctor', '--offline']), {
    status: 2,
    stdout: /^breakage: .* does not run: .*\[proxy-down\]/,
  });
});

t.test('purge takes it away, but for what may be needed to read what it left: the CA and its owner', async t => {
  await must('systemctl', 'start', unit);
  await apt('purge', 'trasa-agent', 'libpam-trasa');
  t.match(await run(['systemctl', 'is-active', unit]), { status: 3 });
  t.notOk(existsSync('/var/lib/trasa-proxy'));
  t.notOk(existsSync(configFile));
  t.ok(existsSync('/var/lib/trasa-ca'));
  t.match(await run(['getent', 'passwd', 'trasa-proxy']), { status: 0 });
});
