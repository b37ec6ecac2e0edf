/** The packaged agent on a private host: its commands, its daemon and its server, as an administrator would set them up. */
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import { Background, type Finished, run } from './background.ts';
import { agent } from './private-host.ts';
import { until } from './until.ts';
import { addUser, type User } from './users.ts';

/** The server's self-signed certificate, where agents may read it. */
export const caFile = '/etc/trasa/trasa-server.pem';

/** Runs `trasa-agent WORDS…` and returns its stdout. Throws if it fails: a test that wants that calls run(). */
export async function command(words: readonly string[], input?: string): Promise<string> {
  const { status, stdout, stderr } = await run([agent, ...words], input === undefined ? {} : { input });
  if (status !== 0) throw new Error(`trasa-agent ${words.join(' ')}: status ${status}: ${stdout}${stderr}`);
  return stdout;
}

export interface Server {
  readonly url: string;
  /** Of its TLS key, as `pins` of the agent wants it. */
  readonly pin: string;
  readonly process: Background;
  stop(): Promise<Finished>;
}

/** The embedded server, on loopback. */
export async function startServer(): Promise<Server> {
  const process = new Background([agent, 'server', 'start', '--listen', '127.0.0.1:0']);
  const [line] = await process.printed(/^\{.*"event":"listening".*\}$/m);
  const { url, pin } = fields(line, 'url', 'pin');
  mkdirSync('/etc/trasa', { recursive: true });
  writeFileSync(caFile, readFileSync('/var/lib/trasa-server/tls-cert.pem'));
  return { url, pin, process, stop: async () => await process.stop() };
}

export interface Service {
  readonly serviceID: string;
  readonly serviceKey: string;
}

/** Tells the server about a host. */
export async function addService(name: string, flags: readonly string[] = []): Promise<Service> {
  return fields(await command(['server', 'service', 'add', name, '--json', ...flags]), 'serviceID', 'serviceKey');
}

/** Tells the server about a person who may enter `accounts` of the service. */
export async function addPerson(email: string, service: string, accounts: readonly string[]): Promise<void> {
  await command(['server', 'person', 'add', email]);
  for (const account of accounts) await command(['server', 'access', 'grant', email, service, account]);
}

/** @returns the base32 secret of the person's new authenticator. */
export async function enrolTotp(person: string): Promise<string> {
  return fields(await command(['server', 'enrol', 'totp', person, '--json', '--no-confirm']), 'secret').secret;
}

/** @returns the file of the person's new push device, for `server approve --device`. */
export async function enrolPush(person: string, server: Pick<Server, 'url'>): Promise<string> {
  const file = `/root/${person}.device`;
  await command(['server', 'enrol', 'push', person, '--device-file', file, '--server', server.url]);
  return file;
}

/** The person's device: waits for pushes and answers them as `flags` say (`--yes`, `--no`, `--number 42`, `--once`). */
export function startDevice(deviceFile: string, flags: readonly string[]): Background {
  return new Background([agent, 'server', 'approve', '--device', deviceFile, ...flags]);
}

/** Configuration lines that point an agent at the server. */
export function configFor(server: Server, service: Service): string {
  return `trasaServerURL = "${server.url}"
serviceID = "${service.serviceID}"
serviceKey = "${service.serviceKey}"
caFile = "${caFile}"
pins = ["${server.pin}"]
`;
}

export interface Daemon {
  readonly process: Background;
  /** Its audit lines so far. */
  audit(): Record<string, unknown>[];
  /** The next audit line of which `wanted` is true; those before it are not looked at again. */
  audited(wanted: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  stop(signal?: NodeJS.Signals): Promise<Finished>;
}

export const configFile = '/etc/trasa/trasa-agent.toml';
export const socket = '/run/trasa-agent/agent.sock';

let daemonUser: User | undefined;

/** Writes the configuration (all of it) for the daemon to read: root's, readable by the daemon's group. */
export function writeConfig(toml: string, file = configFile): void {
  const { gid } = makeDaemonUser();
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, toml);
  chownSync(file, 0, gid);
  chmodSync(file, 0o640);
}

function makeDaemonUser(): User {
  daemonUser ??= addUser({ name: 'trasa-agent', shell: '/usr/sbin/nologin', home: '/var/lib/trasa-agent' });
  return daemonUser;
}

/** The daemon, as its own user, listening at the usual place. Without `toml` its configuration is what is there, if anything. */
export async function startDaemon(toml?: string, file = configFile): Promise<Daemon> {
  if (toml !== undefined) writeConfig(toml, file);
  const { uid, gid } = makeDaemonUser();
  mkdirSync('/run/trasa-agent', { recursive: true });
  chownSync('/run/trasa-agent', uid, gid);
  const process = new Background([agent, 'daemon'], { uid, gid });
  const printed = (): string => `the daemon's socket; it printed:\n${process.stdout}${process.stderr}`;
  await until(printed, async () => {
    if (process.child.exitCode !== null) throw new Error(`the daemon ended: ${process.stdout}${process.stderr}`);
    return await answers(socket);
  });
  let seen = 0;
  const audit = (): Record<string, unknown>[] =>
    process.stdout
      .split('\n')
      .slice(0, -1)
      .filter(line => line.startsWith('{'))
      .map(parseObject);
  return {
    process,
    audit,
    audited: async wanted =>
      await until(
        () => `an audit line; there are:\n${process.stdout}`,
        () => {
          const lines = audit();
          const index = lines.findIndex((line, i) => i >= seen && wanted(line));
          if (index !== -1) seen = index + 1;
          return lines[index];
        },
      ),
    stop: async signal => await process.stop(signal),
  };
}

/** With such a daemon for as long as `work` takes. */
export async function during<T>(toml: string, work: (daemon: Daemon) => Promise<T>): Promise<T> {
  const daemon = await startDaemon(toml);
  try {
    return await work(daemon);
  } finally {
    await daemon.stop();
  }
}

async function answers(path: string): Promise<boolean> {
  return await new Promise(resolve => {
    const probe = createConnection(path, () => {
      probe.destroy();
      resolve(true);
    }).once('error', () => resolve(false));
  });
}

/** Members of a JSON object that have to be strings. */
function fields<Name extends string>(json: string, ...names: Name[]): Record<Name, string> {
  const object = parseObject(json);
  const found: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const value = object[name];
    if (typeof value !== 'string') throw new Error(`no ${name} in ${json}`);
    found[name] = value;
  }
  return found as Record<Name, string>;
}

function parseObject(json: string): Record<string, unknown> {
  const value: unknown = JSON.parse(json);
  if (typeof value !== 'object' || value === null) throw new Error(`not an object: ${json}`);
  return { ...value };
}
