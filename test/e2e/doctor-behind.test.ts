/** What is behind the doors: each thing that the doctor claims to find is broken on a host on which all is well, and found. */
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import t from 'tap';
import manifest from '../../package.json' with { type: 'json' };
import { configFile, socket, writeConfig } from '../helpers/e2e/agent.ts';
import { Background, run } from '../helpers/e2e/background.ts';
import { enrolOffline } from '../helpers/e2e/offline.ts';
import { module as moduleDoor, needsDoor } from '../helpers/e2e/pam.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { until } from '../helpers/e2e/until.ts';
import { apply, changed, doctor, finding, forcedHost, install, module, pamHost, program } from './doctor-host.ts';

needsDoor(t, moduleDoor);
privateHost(t);

const { config, daemon } = await install(t);
const dpkgStatus = '/var/lib/dpkg/status';

t.test('what the configuration allows is said', async t => {
  apply(pamHost);
  const found = async (top: string, rest = ''): Promise<readonly string[]> => {
    writeConfig(`${top}\n${config}\n${rest}`);
    const { ids } = await doctor(['--user', 'alice', '--offline']);
    return ids;
  };
  t.strictSame(await found('', '[policy]\nfailMode = "safe"'), ['fail-safe']);
  t.strictSame(await found('offlineUsers = ["alice"]'), ['offline-users']);
  t.strictSame(await found('pushTimeout = 30'), ['config-warning']);
  t.strictSame(await found('', '[policy]\nexemptUsers = ["alice"]'), ['exempt']);
  t.strictSame(await found('', '[policy]\nexemptGroups = ["staff-of-two"]'), ['exempt']);
  t.strictSame(await found('', '[policy]\nrequiredUsers = ["root"]'), ['not-required']);
  t.strictSame(await found('pushTimeout = "long"'), ['config-broken']);
  writeConfig(config.replace(/^pins.*$/m, 'insecureSkipVerify = true'));
  t.strictSame((await doctor(['--user', 'alice', '--offline'])).ids, ['tls-unverified']);
  writeConfig(`${config}[policy]\nexemptUsers = ["alcie"]\n`);
  t.match((await doctor([])).findings, [{ id: 'unknown-user', what: 'there is no account alcie' }]);
  apply({ ...forcedHost, sshd: changed(forcedHost.sshd, 'ExposeAuthInfo yes', '') });
  t.strictSame(await found('', '[policy]\ngrace = 60'), ['auth-info-hidden']);
  writeConfig(config);
});

t.test('what is prepared for days without a server is looked at', async t => {
  apply(pamHost);
  const found = async (): Promise<readonly string[]> => (await doctor(['--user', 'alice', '--offline'])).ids;
  await enrolOffline('alice');
  t.strictSame(await found(), []);
  writeConfig(`${config}[policy]\ncodeDigits = 8\n`);
  t.strictSame(await found(), ['offline-digits']);
  writeConfig(config);
  execFileSync(program, ['offline', 'codes', 'alice', '--days', '3'], { stdio: 'ignore' });
  t.strictSame(await found(), ['offline-ending']);
  execFileSync(program, ['offline', 'revoke', 'alice'], { stdio: 'ignore' });
  t.strictSame(await found(), []);
});

t.test('a file that others can change is found, wherever it is', async t => {
  apply(pamHost);
  for (const path of ['/etc/ssh/doctor_config', '/etc/pam.d/common-account', module, '/etc/pam.d']) {
    chmodSync(path, 0o777);
    finding(t, await doctor(), 'file-unsafe', /^\//);
    chmodSync(path, path === '/etc/pam.d' || path === module ? 0o755 : 0o644);
  }
  chownSync('/etc/pam.d/sshd', 20_000, 0);
  finding(t, await doctor(), 'file-unsafe', /pam.d\/sshd$/);
  chownSync('/etc/pam.d/sshd', 0, 0);
  chmodSync(configFile, 0o644);
  finding(t, await doctor(), 'config-broken', /trasa-agent.toml/);
  writeConfig(config);
});

t.test('what AppArmor and SELinux have refused in the last day is found', async t => {
  apply(pamHost);
  mkdirSync('/var/log/audit', { recursive: true });
  const line = (secondsAgo: number, what: string): string =>
    `type=AVC msg=audit(${Math.floor(Date.now() / 1000) - secondsAgo}.123:45): avc:  denied  { connectto } for  path="${what}"\n`;
  writeFileSync('/var/log/audit/audit.log', line(200_000, socket) + line(60, '/run/other'));
  t.strictSame((await doctor()).ids, []);
  writeFileSync('/var/log/audit/audit.log', line(60, socket));
  finding(t, await doctor(), 'access-denied', /connectto/);
  writeFileSync('/var/log/audit/audit.log', '');
});

t.test('a daemon whose program was replaced is found', async t => {
  apply(pamHost);
  const second = '/etc/trasa/second.toml';
  const directory = '/var/lib/second';
  mkdirSync(directory, { mode: 0o700 });
  writeFileSync(second, `${config}[daemon]\nsocket = "${directory}/socket"\nstateDirectory = "${directory}"\n`, {
    mode: 0o600,
  });
  const old = new Background([program, 'daemon', '--config', second]);
  await until('the second daemon', () => existsSync(`${directory}/socket`));
  t.strictSame((await doctor()).ids, []);
  copyFileSync(program, `${program}.new`);
  renameSync(`${program}.new`, program); // as dpkg does
  finding(t, await doctor(), 'upgrade-pending', new RegExp(`^process ${old.child.pid}$`));
  await old.stop();
});

t.test('packages of two releases are found', async t => {
  const installed = (name: string, version: string): string =>
    `\nPackage: ${name}\nStatus: install ok installed\nMaintainer: a\nArchitecture: amd64\nVersion: ${version}\nDescription: a\n`;
  const { version } = manifest;
  const before = readFileSync(dpkgStatus, 'utf8');
  writeFileSync(dpkgStatus, `${before}${installed('trasa-agent', `${version}-1`)}`);
  t.strictSame((await doctor()).ids, []);
  appendFileSync(dpkgStatus, installed('libpam-trasa', '0.0.1-1'));
  finding(t, await doctor(), 'upgrade-pending', /^libpam-trasa: 0.0.1-1$/);
  writeFileSync(dpkgStatus, before);
});

t.test('a directory that the daemon cannot write is found before anybody is kept out', async t => {
  const stateDirectory = '/var/lib/trasa-agent';
  const mounted = async (options: string, id: string | undefined, evidence?: RegExp): Promise<void> => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', stateDirectory]);
    const report = await doctor();
    if (id === undefined) t.strictSame(report.ids, []);
    else finding(t, report, id, evidence);
    execFileSync('umount', [stateDirectory]);
  };
  await mounted('mode=0700,size=64m', undefined);
  await mounted('mode=0700,size=1m', 'disk-low');
  await mounted('mode=0700,size=64m,nr_inodes=50', 'disk-low');
  await mounted('mode=0700,size=64m,nr_inodes=1', 'state-unwritable');
  await mounted('mode=0700,size=64m,ro', 'state-unwritable');
});

t.test('a server that does not accept this host is found, and one that is not there', async t => {
  writeConfig(config.replace(/^serviceKey = .*$/m, 'serviceKey = "another"'));
  finding(t, await doctor(), 'server-refuses', /^https:/);
  writeConfig(config.replace(/^trasaServerURL = .*$/m, 'trasaServerURL = "https://127.0.0.1:1"'));
  finding(t, await doctor(), 'server-unreachable', /127.0.0.1:1$/);
  t.strictSame((await doctor(['--user', 'alice', '--offline'])).ids, [], 'unless it is not to be asked');
  writeConfig(config);
});

t.test('a daemon that does not answer is found', async t => {
  apply(pamHost);
  t.notOk(
    daemon.audit().some(line => line['event'] === 'decision'),
    'nothing of the doctor is in the audit log',
  );
  t.notMatch(daemon.process.stdout, /warn|protocol/, 'nor in any other');
  await daemon.stop();
  finding(t, await doctor(), 'daemon-silent', /agent.sock$/);
});

t.test('a word too many is no account', async t => {
  const { status, stderr } = await run([program, 'doctor', '--offline', '--user', 'alice', 'bob']);
  t.equal(status, 64);
  t.match(stderr, /bob/);
});

t.test('only root is answered', async t => {
  const { status, stderr, stdout } = await run([program, 'doctor'], { uid: 20_000, gid: 20_000 });
  t.strictSame({ status, stdout }, { status: 77, stdout: '' });
  t.match(stderr, /run it as root/);
});
