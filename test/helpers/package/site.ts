/** A booted host with the packages installed and everything in use: server, daemon, sshd with the forced command, and people. */
import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { addService, configFile, startDevice } from '../e2e/agent.ts';
import { type Background, run } from '../e2e/background.ts';
import { type Member, makeMember, service } from '../e2e/site.ts';
import { Terminal } from '../e2e/terminal.ts';
import { until } from '../e2e/until.ts';
import { authorize } from '../e2e/users.ts';

/** Where `trasa-agent setup` puts sshd's part, and where the package looks for it. */
export const dropIn = '/etc/ssh/sshd_config.d/10-trasa-agent.conf';

export interface PackagedSite<Name extends string> {
  readonly members: Record<Name, Member>;
  /** A login on a terminal. */
  ssh(user: Name, words?: readonly string[]): Terminal;
}

/** @param config more lines of trasa-agent.toml: sections */
export async function startPackagedSite<Name extends string>(
  names: readonly Name[],
  config = '',
): Promise<PackagedSite<Name>> {
  const { url, pin } = await startServer();
  const credentials = await addService(service);
  const members: Partial<Record<Name, Member>> = {};
  const publicKey = await makeKey();
  for (const name of names) {
    const member = await makeMember(name, { url });
    authorize(member.user, publicKey);
    members[name] = member;
  }
  mkdirSync('/etc/trasa', { recursive: true });
  writeFileSync(
    configFile,
    `trasaServerURL = "${url}"
serviceID = "${credentials.serviceID}"
serviceKey = "${credentials.serviceKey}"
pins = ["${pin}"]
${config}
[identity.people]
${names.map(name => `${name} = "${name}@example.com"`).join('\n')}
`,
    { mode: 0o640 },
  );
  chownSync(configFile, 0, groupOf('trasa-agent'));
  await must('systemctl', 'try-reload-or-restart', 'trasa-agent.service');
  writeFileSync(dropIn, 'ForceCommand exec /usr/lib/trasa-agent/trasa-agent login\nDisableForwarding yes\n');
  await must('systemctl', 'restart', 'ssh.service'); // after a reload it refuses for a moment
  return {
    members: members as Record<Name, Member>,
    ssh: (user, words = []) => new Terminal(['ssh', '-F', '/root/ssh_config', '-tt', `${user}@target`, ...words]),
  };
}

/** The decisions and the words of the packaged daemon, from its journal. */
export async function journal(unit = 'trasa-agent.service'): Promise<Record<string, unknown>[]> {
  await must('journalctl', '--sync'); // what was said before is in it then
  const { stdout } = await run(['journalctl', '--no-pager', '--output=cat', `--unit=${unit}`]);
  return stdout
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as Record<string, unknown>);
}

/** Of a unit; `0`: none runs. */
export async function mainPid(unit: string): Promise<string> {
  return await must('systemctl', 'show', '--value', '--property=MainPID', unit);
}

/** Runs a program that has to succeed; returns what it printed. */
export async function must(...command: readonly [string, ...string[]]): Promise<string> {
  const { status, stdout, stderr } = await run(command);
  if (status !== 0) throw new Error(`${command.join(' ')}: status ${status}: ${stdout}${stderr}`);
  return stdout.trim();
}

export async function approveOnce(device: string): Promise<Background> {
  const process = startDevice(device, ['--yes', '--once']);
  await process.printed(/Waiting for pushes/);
  return process;
}

/** The packaged server, where nobody but this host can ask it. */
export async function startServer(): Promise<{ url: string; pin: string }> {
  await must('systemctl', 'start', 'trasa-server.service');
  return await until('the server', async () => {
    const line = (await journal('trasa-server.service')).findLast(({ event }) => event === 'listening');
    return line === undefined ? undefined : { url: String(line['url']), pin: String(line['pin']) };
  });
}

async function makeKey(): Promise<string> {
  await must('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', '/root/key');
  const hostKey = readFileSync('/etc/ssh/ssh_host_ed25519_key.pub', 'utf8');
  writeFileSync('/root/known_hosts', `127.0.0.1 ${hostKey}`);
  writeFileSync(
    '/root/ssh_config',
    `Host target
  HostName 127.0.0.1
  IdentityFile /root/key
  IdentitiesOnly yes
  UserKnownHostsFile /root/known_hosts
  StrictHostKeyChecking yes
  LogLevel ERROR
`,
  );
  return readFileSync('/root/key.pub', 'utf8');
}

function groupOf(name: string): number {
  return Number(new RegExp(`^${name}:[^:]*:(\\d+):`, 'm').exec(readFileSync('/etc/group', 'utf8'))?.[1] ?? 0);
}
