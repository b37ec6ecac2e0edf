/** sshd and PAM: each thing that the doctor claims to find is broken on a host on which all is well, and found. */
import t from 'tap';
import { module as moduleDoor, needsDoor } from '../helpers/e2e/pam.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import {
  apply,
  both,
  changed,
  doctor,
  execHost,
  finding,
  forcedHost,
  type Host,
  install,
  module,
  pamHost,
  program,
  sshdConfig,
} from './doctor-host.ts';

needsDoor(t, moduleDoor);
privateHost(t);

await install(t);

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

const stories: readonly Story[] = [
  {
    finds: 'sshd-unguarded',
    host: forcedHost,
    sshd: ['ForceCommand', '#'],
    evidence: /^forcecommand none\b/,
  },
  {
    finds: 'sshd-unguarded',
    host: execHost,
    sshd: ['PermitRootLogin yes\n', 'PermitRootLogin yes\nMatch Address 10.0.0.0/8\nAuthenticationMethods publickey\n'],
    evidence: /^authenticationmethods publickey\b/,
  },
  {
    finds: 'forwarding-open',
    host: forcedHost,
    sshd: ['DisableForwarding yes', 'DisableForwarding no'],
    evidence: /^allowtcpforwarding yes\b/,
  },
  {
    finds: 'forwarding-open',
    host: forcedHost,
    sshd: ['AllowAgentForwarding no', ''],
    evidence: /^allowagentforwarding yes\b/,
  },
  {
    finds: 'startup-files',
    host: forcedHost,
    sshd: ['SetEnv SHLVL=2', 'SetEnv A=1'],
    evidence: /^setenv A=1\b/,
  },
  { finds: 'shell-startup', host: forcedHost, words: ['--user', 'zoe'], evidence: /zsh$/ },
  {
    finds: 'user-environment',
    host: forcedHost,
    sshd: ['PermitUserEnvironment no', 'PermitUserEnvironment yes'],
    evidence: /^permituserenvironment yes \(\/etc\/ssh\/doctor_config:\d+\)$/,
  },
  {
    finds: 'accept-env',
    host: forcedHost,
    sshd: ['AcceptEnv LANG LC_*', 'AcceptEnv LANG *'],
    evidence: /^acceptenv \*/,
  },
  {
    finds: 'accept-ssh-env',
    host: forcedHost,
    sshd: ['AcceptEnv LANG LC_*', 'AcceptEnv SSH_*'],
    evidence: /^acceptenv SSH_\*/,
  },
  { finds: 'user-rc', host: forcedHost, sshd: ['PermitUserRC no', ''] },
  { finds: 'bare-connection', host: forcedHost, sshd: ['UnusedConnectionTimeout 120', ''] },
  { finds: 'sshd-refused', host: forcedHost, sshd: ['UsePAM no', 'UsePAM perhaps'], evidence: /line 2.*perhaps/ },
  {
    finds: 'method-off',
    host: execHost,
    sshd: ['PermitRootLogin yes\n', 'PermitRootLogin yes\nMatch User alice\nKbdInteractiveAuthentication no\n'],
  },
  {
    finds: 'root-method',
    host: pamHost,
    sshd: ['PermitRootLogin yes', 'PermitRootLogin prohibit-password'],
    words: ['--user', 'root'],
    evidence: /^permitrootlogin without-password\b/,
  },
  { finds: 'max-startups', host: pamHost, sshd: ['UsePAM yes', 'UsePAM yes\nMaxStartups 4:50:10'] },
  {
    finds: 'grace-time',
    host: pamHost,
    sshd: ['UsePAM yes', 'UsePAM yes\nLoginGraceTime 60'],
    evidence: /^logingracetime 60\b/,
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
      finding(t, await doctor([...(words ?? ['--user', 'alice']), '--offline']), finds, evidence);
    },
  );

t.test('the connection that a Match line makes special is named with it', async t => {
  apply({ ...execHost, sshd: `${execHost.sshd}Match Address 10.0.0.0/8\n  AuthenticationMethods publickey\n` });
  const { findings } = await doctor(['--user', 'alice', '--offline']);
  const lines = execHost.sshd.split('\n').length;
  t.match(findings, [{ id: 'sshd-unguarded', who: [`alice from 10.0.0.1 (${sshdConfig}:${lines})`] }]);
});

t.test('two that come together', async t => {
  const either = 'AuthenticationMethods publickey keyboard-interactive:pam';
  apply({ ...execHost, sshd: changed(execHost.sshd, /AuthenticationMethods.*/, either) });
  t.strictSame((await doctor(['--user', 'alice', '--offline'])).ids, ['sshd-unguarded', 'one-factor']);
  const sshd = changed(pamHost.sshd, 'UsePAM yes', 'UsePAM no');
  apply({ ...pamHost, sshd: changed(sshd, /Match[^]*/, '') });
  t.strictSame((await doctor([...both, '--offline'])).ids, ['method-off', 'usepam-off']);
  apply({
    ...pamHost,
    sshd: changed(pamHost.sshd, /PasswordAuthentication no[^]*/, 'KbdInteractiveAuthentication no\n'),
  });
  t.strictSame((await doctor(['--user', 'alice', '--offline'])).ids, ['password-method']);
  apply({ ...pamHost, pam: { ...pamHost.pam, sudo: `${pamHost.pam['sudo']}account requird pam_permit.so\n` } });
  t.strictSame((await doctor([...both, '--offline'])).ids, ['pam-line']);
});

t.test('an account that sshd does not let in is not talked of', async t => {
  apply({
    ...forcedHost,
    sshd: `${changed(forcedHost.sshd, /ForceCommand.*/, '')}DenyUsers ali*\nPermitRootLogin no\n`,
  });
  t.strictSame((await doctor([...both, '--offline'])).ids, []);
});
