/** A proxy on a private host: embedded server, User CA, upstream sshds that trust it, and people. */
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addService, command, configFor, type Server, type Service, startServer } from './agent.ts';
import { Background, type Finished, run, type StartOptions } from './background.ts';
import { agent } from './private-host.ts';
import { type Member, makeMember } from './site.ts';
import { fingerprint, makeKey, type Sshd, type SshdOptions, startSshd } from './sshd.ts';
import { Terminal } from './terminal.ts';
import { until } from './until.ts';
import { addUser, type User } from './users.ts';

export interface ProxySite<Name extends string> {
  readonly server: Server;
  /** It trusts the User CA, and nothing else. */
  readonly upstream: Sshd;
  readonly members: Readonly<Record<Name, Member>>;
  /** The file of the private half; registered with the proxy for each member. */
  readonly keys: Readonly<Record<Name, string>>;
  /** The one that runs now. */
  readonly proxy: RunningProxy;
  /** Ends it, and starts another with this configuration behind the usual one. */
  restart(options?: ProxyOptions): Promise<void>;
  /** Writes another configuration, or what is none, and tells the proxy to read it. */
  reload(changed: ProxyOptions | string): void;
  stop(): Promise<void>;
}

export interface RunningProxy {
  readonly port: number;
  readonly process: Background;
  /** Its lines so far. */
  lines(event?: string): Record<string, unknown>[];
  /** The next line of which `wanted` is true; those before it are not looked at again. */
  said(wanted: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  /** Arguments of OpenSSH's clients; the far side is `USER@proxy`. */
  flags(identity?: string): string[];
}

export interface ProxyOptions {
  /** Seconds of grace: 600, unless a test says that each login asks. */
  readonly grace?: number;
  /** Lines of [proxy]. */
  readonly proxy?: string;
  /** Lines of [proxy.services.web1]. */
  readonly service?: string;
  /** More sections. */
  readonly more?: string;
}

export const caDirectory = '/var/lib/trasa-ca';
export const stateDirectory = '/var/lib/trasa-proxy';
export const recordings = '/var/lib/trasa-proxy/recordings';
export const configFile = '/etc/trasa/trasa-proxy.toml';
export const passphraseFile = '/etc/trasa/ca.passphrase';
export const userCaFile = '/etc/trasa/user_ca.pub';

/** @param names account names; each becomes a user, a person `NAME@example.com` with TOTP, push, password and key */
export async function startProxySite<Name extends string>(
  names: readonly Name[],
  options: ProxyOptions & { readonly sshd?: SshdOptions } = {},
): Promise<ProxySite<Name>> {
  const server = await startServer();
  const service = await addService('web1');
  const members: Partial<Record<Name, Member>> = {};
  const keys: Partial<Record<Name, string>> = {};
  const people: [string, string][] = [];
  const folder = mkdtempSync('/root/keys-');
  for (const name of names) {
    const email = `${name}@example.com`;
    members[name] = await makeMember(name, server);
    await command(['server', 'person', 'password', email], `${passwordOf(name)}\n`);
    const key = makeKey(folder, name);
    keys[name] = key;
    people.push([`${key}.pub`, email]);
  }
  const behind = await startProxyBehind({ server, service, accounts: ['root', ...names], people }, options);
  return {
    ...behind,
    server,
    members: members as Record<Name, Member>,
    keys: keys as Record<Name, string>,
    get proxy() {
      return behind.proxy;
    },
    stop: async () => {
      await behind.stop();
      await server.stop();
    },
  };
}

export interface ProxyParties {
  readonly server: Server;
  readonly service: Service;
  readonly accounts: readonly string[];
  /** Files of public keys, and whose they are. */
  readonly people: readonly (readonly [string, string])[];
}

/** The User CA, an sshd that trusts it and nothing else, and the proxy before it. */
export async function startProxyBehind(
  { server, service, accounts, people }: ProxyParties,
  options: ProxyOptions & { readonly sshd?: SshdOptions } = {},
): Promise<Pick<ProxySite<string>, 'upstream' | 'proxy' | 'restart' | 'reload' | 'stop'>> {
  const user = addUser({ name: 'trasa-proxy', shell: '/usr/sbin/nologin', home: stateDirectory });
  await makeUserCa(user);
  const upstream = await startSshd({
    forceCommand: '',
    ...options.sshd,
    extraConfig: `TrustedUserCAKeys ${userCaFile}\n${options.sshd?.extraConfig ?? ''}`,
  });
  const registered = people.map(([file, email]) => `"${fingerprint(readFileSync(file, 'utf8'))}" = "${email}"`);
  const configOf = ({
    grace = 600,
    proxy = '',
    service: ofService = '',
    more = '',
  }: ProxyOptions): string => `${configFor(server, service)}
[policy]
grace = ${grace}
[proxy]
sshListenAddr = "127.0.0.1:0"
caPassphraseFile = "${passphraseFile}"
maxStartupsPerAddress = 50
penaltyExempt = "127.0.0.0/8"
${proxy}
[proxy.keys]
${registered.join('\n')}
[proxy.services.web1]
address = "127.0.0.1:${upstream.port}"
accounts = [${accounts.map(name => JSON.stringify(name)).join(', ')}]
${/host|firstUse/.test(ofService) ? '' : `hostKey = ${JSON.stringify(upstream.hostKey.trim())}`}
${ofService}
${more}
`;
  let proxy = await startProxy(configOf(options), user);
  return {
    upstream,
    get proxy() {
      return proxy;
    },
    restart: async (changed = options) => {
      await proxy.process.stop();
      proxy = await startProxy(configOf(changed), user);
    },
    reload: changed => {
      writeFileSync(configFile, typeof changed === 'string' ? changed : configOf(changed));
      proxy.process.child.kill('SIGHUP');
    },
    stop: async () => {
      await proxy.process.stop();
      await upstream.stop();
    },
  };
}

export function passwordOf(name: string): string {
  return `the password of ${name}`;
}

export async function makeUserCa({ uid, gid }: User): Promise<void> {
  writeFileSync(passphraseFile, 'a passphrase for tests\n', { mode: 0o600 });
  chownSync(passphraseFile, uid, gid);
  mkdirSync(caDirectory, { mode: 0o700 });
  chownSync(caDirectory, uid, gid);
  const flags = ['--user', '--passphrase-file', passphraseFile];
  const { status, stderr } = await run([agent, 'ca', 'init', ...flags], { uid, gid, cwd: '/' });
  if (status !== 0) throw new Error(`ca init: ${stderr}`);
  const { stdout } = await run([agent, 'ca', 'export', 'user'], { uid, gid, cwd: '/' });
  writeFileSync(userCaFile, stdout, { mode: 0o644 });
}

export async function startProxy(toml: string, { uid, gid }: User): Promise<RunningProxy> {
  mkdirSync('/etc/trasa', { recursive: true });
  writeFileSync(configFile, toml);
  chownSync(configFile, 0, gid);
  chmodSync(configFile, 0o640);
  const process = new Background([agent, 'proxy', '--config', configFile], { uid, gid, cwd: '/' });
  const [, port = ''] = await process.printed(/"text":"ready".*"port":(\d+)/);
  const knownHosts = join(mkdtempSync('/root/known-'), 'hosts');
  const hostKey = readFileSync(join(stateDirectory, 'ssh_host_ed25519_key.pub'), 'utf8');
  writeFileSync(knownHosts, `[127.0.0.1]:${port} ${hostKey}`);
  let seen = 0;
  const lines = (event?: string): Record<string, unknown>[] =>
    process.stdout
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line) as Record<string, unknown>)
      .filter(line => event === undefined || line['event'] === event);
  return {
    port: Number(port),
    process,
    lines,
    said: async wanted =>
      await until(
        () => `a line; there are:\n${process.stdout}`,
        () => {
          const all = lines();
          const index = all.findIndex((line, i) => i >= seen && wanted(line));
          if (index !== -1) seen = index + 1;
          return all[index];
        },
      ),
    flags: identity => {
      const known = identity === undefined ? 'PubkeyAuthentication=no' : `IdentityFile=${identity}`;
      const options = ['HostName=127.0.0.1', `Port=${port}`, `UserKnownHostsFile=${knownHosts}`, known];
      const strict = ['StrictHostKeyChecking=yes', 'IdentitiesOnly=yes', 'IdentityAgent=none'];
      return ['-F', '/dev/null', ...[...options, ...strict].flatMap(option => ['-o', option])];
    },
  };
}

/**
 * Runs one of OpenSSH's clients where there is no terminal, with somebody who answers what it asks: by the first of the
 * answers whose name is part of the question.
 */
export async function answering(
  program: readonly [string, ...string[]],
  answers: Readonly<Record<string, string>>,
  options: StartOptions = {},
): Promise<Finished> {
  const folder = mkdtempSync('/root/askpass-');
  const cases = Object.entries(answers).map(([part, answer], i) => {
    writeFileSync(join(folder, String(i)), answer);
    return `*${JSON.stringify(part)}*) cat ${join(folder, String(i))}; echo;;`;
  });
  const script = join(folder, 'askpass');
  writeFileSync(
    script,
    `#!/bin/sh\nprintf '%s\\n' "$1" >>${join(folder, 'asked')}\ncase $1 in\n${cases.join('\n')}\n*) exit 1;;\nesac\n`,
    {
      mode: 0o755,
    },
  );
  const env = { SSH_ASKPASS: script, SSH_ASKPASS_REQUIRE: 'force', ...options.env };
  return await run(program, { ...options, env });
}

/** `ssh USER@proxy WORDS…` on a terminal. */
export function terminalAt(
  proxy: RunningProxy,
  user: string,
  identity?: string,
  words: readonly string[] = [],
): Terminal {
  return new Terminal(['ssh', ...proxy.flags(identity), '-tt', `${user}@proxy`, ...words]);
}

/** Their process IDs. */
export function workersOf({ process: { child } }: RunningProxy): number[] {
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
  return children === '' ? [] : children.split(' ').map(Number);
}

/** Memory of the proxy's processes, together. */
export function residentMiB(proxy: RunningProxy): number {
  const statuses = [proxy.process.child.pid, ...workersOf(proxy)].map(pid =>
    readFileSync(`/proc/${pid}/status`, 'utf8'),
  );
  return statuses.reduce((sum, status) => sum + Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024, 0);
}
