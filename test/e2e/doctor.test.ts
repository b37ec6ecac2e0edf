/** Each thing that the doctor claims to find is broken on a host on which all is well, and found. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { configFile, socket, writeConfig } from '../helpers/e2e/agent.ts';
import { Background, run } from '../helpers/e2e/background.ts';
import { module as moduleDoor, needsDoor } from '../helpers/e2e/pam.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { until } from '../helpers/e2e/until.ts';
import {
  apply,
  doctor,
  execHost,
  forcedHost,
  type Host,
  install,
  pamHost,
  program,
  type Report,
} from './doctor-host.ts';

needsDoor(t, moduleDoor);
privateHost(t);

const { config, daemon } = await install(t);

t.test('where all is well, nothing is found', async t => {
  for (const [name, host] of Object.entries({ forcedHost, pamHost, execHost })) {
    apply(host);
    t.strictSame(await doctor(), { status: 0, findings: [], ids: [] }, name);
  }
});

interface Story {
  readonly finds: string;
  readonly host: Host;
  /** What stands in sshd_config, and what is put in its place. */
  readonly sshd?: readonly [string, string];
  /** File of /etc/pam.d, what stands there, and what is put in its place. */
  readonly pam?: readonly [string, string | RegExp, string];
  readonly evidence?: RegExp;
  readonly words?: readonly string[];
}

const module = '/usr/lib/trasa-installed/pam_trasa.so';

const stories: readonly Story[] = [
  {
    finds: 'sshd-unguarded',
    host: forcedHost,
    sshd: ['ForceCommand', '#'],
    evidence: /^forcecommand none$/,
  },
  {
    finds: 'sshd-unguarded',
    host: execHost,
    sshd: ['PermitRootLogin yes\n', 'PermitRootLogin yes\nMatch Address 10.0.0.0/8\nAuthenticationMethods publickey\n'],
    evidence: /^authenticationmethods publickey$/,
  },
  {
    finds: 'forwarding-open',
    host: forcedHost,
    sshd: ['DisableForwarding yes', 'DisableForwarding no'],
    evidence: /^allowtcpforwarding yes$/,
  },
  {
    finds: 'forwarding-open',
    host: forcedHost,
    sshd: ['AllowAgentForwarding no', ''],
    evidence: /^allowagentforwarding yes$/,
  },
  { finds: 'startup-files', host: forcedHost, sshd: ['SetEnv SHLVL=2', 'SetEnv A=1'], evidence: /^setenv A=1$/ },
  { finds: 'shell-startup', host: forcedHost, words: ['--user', 'zoe'], evidence: /zsh$/ },
  {
    finds: 'user-environment',
    host: forcedHost,
    sshd: ['PermitUserEnvironment no', 'PermitUserEnvironment yes'],
    evidence: /^permituserenvironment yes$/,
  },
  {
    finds: 'accept-env',
    host: forcedHost,
    sshd: ['AcceptEnv LANG LC_*', 'AcceptEnv LANG *'],
    evidence: /^acceptenv \*$/,
  },
  {
    finds: 'accept-ssh-env',
    host: forcedHost,
    sshd: ['AcceptEnv LANG LC_*', 'AcceptEnv SSH_*'],
    evidence: /^acceptenv SSH_\*$/,
  },
  { finds: 'user-rc', host: forcedHost, sshd: ['PermitUserRC no', ''] },
  { finds: 'bare-connection', host: forcedHost, sshd: ['UnusedConnectionTimeout 120', ''] },
  { finds: 'sshd-refused', host: forcedHost, sshd: ['UsePAM no', 'UsePAM perhaps'], evidence: /line 2.*perhaps/ },
  {
    finds: 'kbdint-off',
    host: execHost,
    sshd: ['PermitRootLogin yes\n', 'PermitRootLogin yes\nMatch User alice\nKbdInteractiveAuthentication no\n'],
  },
  {
    finds: 'root-method',
    host: pamHost,
    sshd: ['PermitRootLogin yes', 'PermitRootLogin prohibit-password'],
    evidence: /^permitrootlogin without-password$/,
  },
  { finds: 'max-startups', host: pamHost, sshd: ['UsePAM yes', 'UsePAM yes\nMaxStartups 4:50:10'] },
  {
    finds: 'grace-time',
    host: pamHost,
    sshd: ['UsePAM yes', 'UsePAM yes\nLoginGraceTime 60'],
    evidence: /^logingracetime 60$/,
  },
  {
    finds: 'one-factor',
    host: execHost,
    sshd: [
      'AuthenticationMethods publickey,keyboard-interactive:pam',
      'AuthenticationMethods keyboard-interactive:pam',
    ],
  },
  {
    finds: 'pam-around',
    host: pamHost,
    pam: [
      'sshd',
      `auth required ${module}`,
      `@include common-auth\nauth [success=1 default=ignore] ${module}\nauth optional pam_permit.so`,
    ],
    evidence: /returns auth_err: ignored$/,
  },
  {
    finds: 'pam-around',
    host: pamHost,
    pam: ['sudo', '@include common-auth', 'auth [success=done default=die] pam_unix.so'],
    evidence: /sudo:1 pam_unix.so returns success: counts, and ends the stack$/,
  },
  {
    finds: 'pam-around',
    host: pamHost,
    pam: ['sshd', /account required [^]*/, `@include common-account\naccount required ${module}\n`],
    evidence: /new_authtok_reqd: counts, and ends the stack$/,
  },
  {
    finds: 'pam-refused',
    host: pamHost,
    pam: ['sudo', '@include common-auth', '@include common-lost'],
    evidence: /sudo:1$/,
  },
  {
    finds: 'pam-nobody',
    host: pamHost,
    pam: ['sudo', ' first=password', ' first=password\nauth required pam_deny.so'],
  },
  {
    finds: 'pam-option',
    host: pamHost,
    pam: ['sshd', `auth required ${module}`, `auth required ${module} promt=trasa`],
    evidence: /sshd:1$/,
  },
  { finds: 'pam-setcred', host: execHost, pam: ['sshd', 'auth required pam_permit.so\n', ''] },
  {
    finds: 'module-timeout',
    host: pamHost,
    pam: ['sshd', `auth required ${module}`, `auth required ${module} timeout=30`],
  },
  { finds: 'pam-first-password', host: pamHost, pam: ['sudo', '@include common-auth', 'auth required pam_unix.so'] },
  {
    finds: 'pam-shared-account',
    host: pamHost,
    pam: ['cron', '@include common-account', `account required ${module}\n@include common-account`],
  },
  {
    finds: 'asked-twice',
    host: execHost,
    pam: [
      'sshd',
      '@include common-account',
      `account required pam_exec.so quiet ${program} pam\n@include common-account`,
    ],
  },
  {
    finds: 'door-missing',
    host: pamHost,
    pam: ['sudo', `${module} first=password`, '/usr/lib/lost/pam_trasa.so first=password'],
  },
];

for (const { finds, host, sshd, pam, evidence, words } of stories)
  t.test(
    `${finds}: ${sshd?.[1] ?? pam?.slice(0, 1).join() ?? words?.join(' ') ?? ''}`.replaceAll('\n', '; '),
    async t => {
      apply({
        sshd: sshd === undefined ? host.sshd : changed(host.sshd, ...sshd),
        pam: pam === undefined ? host.pam : { ...host.pam, [pam[0]]: changed(host.pam[pam[0]] ?? '', pam[1], pam[2]) },
      });
      finding(t, await doctor(words), finds, evidence);
    },
  );

t.test('two that come together', async t => {
  const either = 'AuthenticationMethods publickey keyboard-interactive:pam';
  apply({ ...execHost, sshd: changed(execHost.sshd, /AuthenticationMethods.*/, either) });
  t.strictSame((await doctor(['--user', 'alice'])).ids, ['sshd-unguarded', 'one-factor']);
  const sshd = changed(pamHost.sshd, 'UsePAM yes', 'UsePAM no');
  apply({ ...pamHost, sshd: changed(sshd, /Match[^]*/, '') });
  t.strictSame((await doctor()).ids, ['sshd-unguarded', 'usepam-off']);
  apply({
    ...pamHost,
    sshd: changed(pamHost.sshd, /PasswordAuthentication no[^]*/, 'KbdInteractiveAuthentication no\n'),
  });
  t.strictSame((await doctor(['--user', 'alice'])).ids, ['password-method']);
  apply({ ...pamHost, pam: { ...pamHost.pam, sudo: `${pamHost.pam['sudo']}account requird pam_permit.so\n` } });
  t.strictSame((await doctor()).ids, ['pam-line']);
});

t.test('an account that sshd does not let in is not talked of', async t => {
  apply({
    ...forcedHost,
    sshd: `${changed(forcedHost.sshd, /ForceCommand.*/, '')}DenyUsers ali*\nPermitRootLogin no\n`,
  });
  t.strictSame((await doctor()).ids, []);
});

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

t.test('only root is answered', async t => {
  const { status, stderr, stdout } = await run([program, 'doctor'], { uid: 20_000, gid: 20_000 });
  t.strictSame({ status, stdout }, { status: 77, stdout: '' });
  t.match(stderr, /run it as root/);
});

function changed(text: string, from: string | RegExp, to: string): string {
  const after = text.replace(from, to);
  if (after === text) throw new Error(`${String(from)} is not in\n${text}`);
  return after;
}

/** That, and nothing else. */
function finding(
  t: { match(a: unknown, b: unknown): void; strictSame(a: unknown, b: unknown): void },
  report: Report,
  id: string,
  evidence = /./,
): void {
  t.strictSame(report.ids, [id]);
  t.match(
    report.findings[0]?.evidence.filter(one => evidence.test(one)),
    { length: /[1-9]/ },
  );
}
