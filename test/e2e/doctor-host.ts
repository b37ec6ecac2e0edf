/** A private host on which all is well, at each of the doors, and the doctor that looks at it. */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import type { Test } from 'tap';
import {
  addPerson,
  addService,
  configFor,
  type Daemon,
  type Server,
  startDaemon,
  startServer,
} from '../helpers/e2e/agent.ts';
import { run } from '../helpers/e2e/background.ts';
import { modulePath } from '../helpers/e2e/pam.ts';
import { agentFolder } from '../helpers/e2e/private-host.ts';
import { addUser } from '../helpers/e2e/users.ts';
import { distributions } from '../system/distributions.ts';

/** Copies that are root's, whoever's the checkout is. */
const installed = '/usr/lib/trasa-installed';
export const program = `${installed}/trasa-agent`;
export const module = `${installed}/pam_trasa.so`;
export const sshdConfig = '/etc/ssh/doctor_config';

/** All that a story can change, as it is where all is well. */
export interface Host {
  sshd: string;
  /** Files of /etc/pam.d. */
  pam: Record<string, string>;
}

const common = {
  ...distributions.debian,
  other: 'auth required pam_deny.so\naccount required pam_deny.so\n',
};
/** Services without a line of ours. */
const plain = Object.fromEntries(
  ['sshd', 'sudo', 'sudo-i', 'su', 'su-l', 'login', 'cron'].map(name => [
    name,
    '@include common-auth\n@include common-account\n',
  ]),
);
const hostKey = 'HostKey /etc/ssh/doctor_host_key\n';

/** The lines of trasa-agent(8). */
export const forcedHost: Host = {
  sshd: `${hostKey}UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
ForceCommand exec ${program} login
DisableForwarding yes
X11Forwarding no
AllowAgentForwarding no
PermitUserRC no
PermitUserEnvironment no
SetEnv SHLVL=2
ExposeAuthInfo yes
UnusedConnectionTimeout 120
AcceptEnv LANG LC_*
`,
  pam: common,
};

/** The lines of pam_trasa(8). */
export const pamHost: Host = {
  sshd: `${hostKey}UsePAM yes
PasswordAuthentication no
KbdInteractiveAuthentication yes
AuthenticationMethods publickey,keyboard-interactive:pam
PermitRootLogin yes
X11Forwarding yes
Match Address 198.51.100.0/24
  AuthenticationMethods publickey
`,
  pam: {
    ...common,
    sshd: `auth required ${module}
account required pam_nologin.so
account required ${module}
@include common-account
`,
    sudo: `@include common-auth
auth required ${module} first=password
@include common-account
`,
    su: `auth sufficient pam_rootok.so
@include common-auth
auth required ${module} first=password
@include common-account
`,
    cron: '@include common-auth\n@include common-account\n',
  },
};

export const execHost: Host = {
  sshd: `${hostKey}UsePAM yes
PasswordAuthentication no
KbdInteractiveAuthentication yes
AuthenticationMethods publickey,keyboard-interactive:pam
PermitRootLogin yes
`,
  pam: {
    ...common,
    sshd: `auth required pam_exec.so expose_authtok stdout quiet ${program} pam
auth required pam_permit.so
@include common-account
`,
  },
};

export interface Installation {
  readonly server: Server;
  readonly daemon: Daemon;
  /** Of the daemon. */
  readonly config: string;
}

export async function install(t: Test): Promise<Installation> {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', '/etc/ssh/doctor_host_key']);
  mkdirSync(installed);
  for (const name of ['trasa-agent', 'trasa_native.node', 'trasa_ssh.node', 'pty.node'])
    copyFileSync(`${agentFolder}/${name}`, `${installed}/${name}`);
  copyFileSync(modulePath, module);
  chmodSync(program, 0o755);
  addUser({ name: 'alice', groups: ['staff-of-two'] });
  addUser({ name: 'zoe', shell: '/usr/bin/zsh' });
  const server = await startServer();
  const service = await addService('web1');
  await addPerson('alice@example.com', 'web1', ['alice']);
  const config = `${configFor(server, service)}\n[identity]\ndomain = "example.com"\n`;
  const daemon = await startDaemon(config);
  t.teardown(async () => {
    await daemon.stop();
    await server.stop();
  });
  return { server, daemon, config };
}

export function apply({ sshd, pam }: Host): void {
  writeFileSync(sshdConfig, sshd);
  for (const [name, text] of Object.entries({ ...plain, ...pam })) writeFileSync(`/etc/pam.d/${name}`, text);
}

export interface Report {
  readonly status: number | null;
  readonly ids: readonly string[];
  readonly findings: readonly { id: string; what: string; who: string[]; evidence: string[]; mend: string }[];
}

/** Who is looked at if nothing else is said. */
export const both: readonly string[] = ['--user', 'alice', '--user', 'root'];

/** Runs the packaged doctor. */
export async function doctor(words: readonly string[] = both): Promise<Report> {
  const { status, stdout, stderr } = await run([program, 'doctor', '--json', '--sshd-config', sshdConfig, ...words]);
  if (stderr !== '') throw new Error(`status ${status}: ${stderr}`);
  const { findings } = JSON.parse(stdout) as Pick<Report, 'findings'>;
  return { status, findings, ids: [...new Set(findings.map(({ id }) => id))] };
}

export function changed(text: string, from: string | RegExp, to: string): string {
  const after = text.replace(from, to);
  if (after === text) throw new Error(`${String(from)} is not in\n${text}`);
  return after;
}

/** That, and nothing else. */
export function finding(
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
