/** trasa-proxy.service under systemd, as confined as it is: set up by the words of trasa-agent-proxy(8), used, reloaded, removed. */
import { chmodSync, chownSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { addService } from '../helpers/e2e/agent.ts';
import { run } from '../helpers/e2e/background.ts';
import { makeMember } from '../helpers/e2e/site.ts';
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

/** To be read by the proxy, and by nobody else but root. */
function handOver(file: string, text: string): void {
  writeFileSync(file, text);
  const [uid, gid] = idsOf('trasa-proxy');
  chownSync(file, uid, gid);
  chmodSync(file, 0o400);
}

function idsOf(name: string): [number, number] {
  const [, uid, gid] = new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, 'm').exec(readFileSync('/etc/passwd', 'utf8')) ?? [];
  return [Number(uid), Number(gid)];
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
});

t.test('a login through it, recorded', async t => {
  const { url, pin } = await startServer();
  const { serviceID, serviceKey } = await addService('web1');
  const alice = await makeMember('alice', { url });
  await must('install', '-d', '-m', '700', '-o', 'trasa-proxy', '-g', 'trasa-proxy', '/var/lib/trasa-ca');
  handOver(passphraseFile, 'long enough a passphrase\n');
  await must(...asProxy, 'ca', 'init', '--user', '--passphrase-file', passphraseFile);
  writeFileSync('/etc/ssh/trasa-user-ca.pub', await must(...asProxy, 'ca', 'export', 'user'));
  writeFileSync('/etc/ssh/sshd_config.d/20-ca.conf', 'TrustedUserCAKeys /etc/ssh/trasa-user-ca.pub\n');
  await must('systemctl', 'restart', 'ssh.service');
  await must('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', '/root/key');
  handOver(
    configFile,
    `trasaServerURL = "${url}"
serviceID = "${serviceID}"
serviceKey = "${serviceKey}"
pins = ["${pin}"]
[proxy]
sshListenAddr = "127.0.0.1:8022"
caPassphraseFile = "${passphraseFile}"
auditFile = "/var/log/trasa-proxy/audit.log"
[proxy.keys]
"${fingerprint(readFileSync('/root/key.pub', 'utf8'))}" = "alice@example.com"
[proxy.services.web1]
address = "127.0.0.1:22"
accounts = ["alice"]
hostKey = ${JSON.stringify(readFileSync('/etc/ssh/ssh_host_ed25519_key.pub', 'utf8').trim())}
record = true
`,
  );
  await must('systemctl', 'enable', '--now', unit);
  await until('the proxy', async () => (await journal(unit)).some(({ text }) => text === 'ready'));
  writeFileSync(
    '/root/known_hosts',
    readFileSync('/var/lib/trasa-proxy/ssh_host_ed25519_key.pub', 'utf8').replace(/^/, '[127.0.0.1]:8022 '),
  );
  const flags = ['-F', '/dev/null', '-i', '/root/key', '-p', '8022', '-o', 'UserKnownHostsFile=/root/known_hosts'];
  const login = new Terminal(['ssh', ...flags, '-tt', 'alice@web1@127.0.0.1', 'id -un; exit 7']);
  await login.expect('Enter OTP(Blank for U2F): ');
  login.send(`${alice.code()}\r`);
  await login.expect(/^alice\r$/m);
  t.match(await login.ended(), { exitCode: 7 });

  const events = (await journal(unit)).map(({ event }) => event);
  for (const event of ['decision', 'session-start', 'channel-start', 'session-end'])
    t.ok(events.includes(event), event);
  t.match(readFileSync('/var/log/trasa-proxy/audit.log', 'utf8'), /"factor":"totp"/);
  t.match(await run(['sh', '-c', 'cat /var/lib/trasa-proxy/recordings/*.cast']), { stdout: /alice/ });
});

t.test('it is started again if it dies, and ends when told', async t => {
  const pid = await mainPid(unit);
  process.kill(Number(pid), 'SIGKILL');
  await until('another one', async () => !['0', pid].includes(await mainPid(unit)));
  await must('systemctl', 'stop', unit);
  t.equal(await must('systemctl', 'show', '--value', '--property=Result', unit), 'success');
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
