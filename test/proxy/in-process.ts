/** A proxy in the process of the test: its real parts, but for the server and the disk of others. */
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { DaemonLog } from '../../src/audit/daemon-log.ts';
import { authenticate } from '../../src/auth/authenticate.ts';
import type { PushMark } from '../../src/auth/ports.ts';
import type { Proof } from '../../src/auth/verifier.ts';
import { caKey } from '../../src/ca/authority.ts';
import { fingerprintOf } from '../../src/ca/issue.ts';
import type { AgentConfig, ProxyService } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Secret } from '../../src/otp/secret.ts';
import type { Outcome } from '../../src/policy/decision.ts';
import type { EntryRules } from '../../src/policy/entry-rules.ts';
import type { Grant } from '../../src/policy/grant.ts';
import type { HostKey } from '../../src/proxy/engine/host-keys.ts';
import { serviceAccept } from '../../src/proxy/messages/userauth.ts';
import { startPrimary } from '../../src/proxy/primary.ts';
import type { PrimaryParts, ProxyParts, Servers } from '../../src/proxy/service.ts';
import { dial } from '../../src/proxy/upstream/dial.ts';
import { publicKeyLine } from '../../src/ssh/key-line.ts';
import { byte } from '../../src/ssh/wire.ts';
import { Approvals } from '../../src/store/approvals.ts';
import { HostKeyStore } from '../../src/store/host-keys.ts';
import { LoginStore } from '../../src/store/login-store.ts';
import type { PasswordOutcome } from '../../src/trasa/password.ts';
import { newAuthority, passphrase, valueOf } from '../ca/ca.ts';
import { until } from '../helpers/e2e/until.ts';
import { entryRule } from '../helpers/entry-rule.ts';
import { FakeMemory, FakeVerifier } from '../helpers/fake-ports.ts';
import { newPair } from '../ssh/authority.ts';
import { type Identity, type RawPeer, type RawServer, rawServer } from './raw-peer.ts';
import { type InProcessWorker, workerInProcess } from './worker-in-process.ts';

export interface InProcess {
  readonly port: number;
  readonly host: RawServer;
  /** Alice's registered key. */
  readonly alice: Identity;
  readonly bob: Identity;
  readonly verifier: FakeVerifier;
  /** The service IDs as which the server was asked. */
  readonly askedAs: string[];
  /** Passwords that were sent to the server. */
  readonly passwords: string[];
  /** How many of what each worker opens are open. */
  readonly open: { readonly servers: number };
  readonly memory: FakeMemory;
  readonly lines: Record<string, unknown>[];
  readonly caDirectory: string;
  /** Lines of .pub files. */
  readonly userCA: string;
  readonly hostKey: string;
  readonly stateDirectory: string;
  /** The workers so far, each as its primary has it. */
  readonly workers: InProcessWorker[];
  /** What policy grants from now on, for every service. Who is in has what was granted before. */
  grant(grant: Grant): Promise<void>;
  /** Goes on with another configuration. */
  reload(changed: Partial<AgentConfig['proxy']>): Promise<void>;
  /** Workers that start from now on are of another release. */
  upgrade(): void;
  /** See Primary. */
  readonly lost: Promise<void>;
  /** Moves the clock. */
  pass(ms: number): void;
  stop(): Promise<void>;
}

export interface InProcessOptions {
  /** Of the second factor; undefined: the code 123456 is right. */
  readonly outcome?: Outcome | Promise<Outcome> | ((proof: Proof) => Outcome);
  readonly password?: PasswordOutcome;
  /** What the upstream host does with a connection; undefined: it takes any key. */
  readonly met?: (peer: RawPeer) => void;
  /** Of the upstream host; undefined: one that is its own. */
  readonly hostKey?: HostKey;
  readonly proxy?: Partial<AgentConfig['proxy']>;
  /** Instead of what web1 has. */
  readonly service?: Partial<ProxyService> | ((base: ProxyService) => Partial<ProxyService>);
  /** Services beside web1. */
  readonly others?: readonly (Partial<ProxyService> & Pick<ProxyService, 'name'>)[];
  /** By one policy for each service, which lets everybody in. */
  readonly grantFor?: (service: ProxyService) => Grant;
  readonly graceMs?: number;
  readonly lookMs?: number;
  /** How long a balancer may take for its header. */
  readonly headerMs?: number;
  /** What must be remembered is on disk, and opened by each worker. */
  readonly onDisk?: boolean;
  /** The event of lines that the audit log does not take. */
  readonly cannotNote?: string;
  readonly policy?: Partial<AgentConfig['policy']>;
  /** What the server answers when it is asked for its catalogue. */
  readonly catalogue?: Servers['catalogue'];
}

let stateBefore: string | undefined;

export async function inProcess(t: Pick<Test, 'teardown'>, options: InProcessOptions = {}): Promise<InProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'trasa-proxy-'));
  const authority = await newAuthority(['user']);
  const caDirectory = authority.directory;
  const userCA = publicKeyLine(valueOf(caKey(authority, 'user')).publicKey);
  authority.close();
  writeFileSync(join(folder, 'passphrase'), `${passphrase.expose()}\n`, { mode: 0o600 });
  const host = await rawServer(options.met ?? takesAnyKey, options.hostKey);
  t.teardown(() => host.stop());
  const [alice, bob] = [newPair(), newPair()];
  const { outcome = byCode } = options;
  const verifier = new FakeVerifier(typeof outcome === 'function' ? outcome : () => outcome);
  const memory = new FakeMemory();
  const passwords: string[] = [];
  const askedAs: string[] = [];
  const lines: Record<string, unknown>[] = [];
  let offset = 0;
  const open = { servers: 0 };
  const clock = { now: () => Date.now() + offset };
  const note = (line: object): void => {
    if ('event' in line && line.event === options.cannotNote) throw new Error('the disk is full');
    lines.push({ ...line });
  };
  const say = (text: string, facts: object = {}): void => note({ event: 'proxy', text, ...facts });
  const log: DaemonLog = { debug: say, info: say, warn: say, error: say, setDebug: () => {} };
  const base = configIn(folder, caDirectory, `${host.port}`, publicKeyLine(host.hostKey.publicKey));
  const { others = [] } = options;
  const services = new Map(
    [...base.proxy.services].flatMap(([name, service]): [string, ProxyService][] => [
      [name, { ...service, ...changesOf(options, service) }],
      ...others.map((other): [string, ProxyService] => [other.name, { ...service, ...other }]),
    ]),
  );
  const keys = new Map([
    [fingerprintOf(alice.key), 'alice@example.com'],
    [fingerprintOf(bob.key), 'bob@example.com'],
  ]);
  const config: AgentConfig = {
    ...base,
    policy: { ...base.policy, graceMs: options.graceMs ?? 0, ...options.policy },
    proxy: {
      ...base.proxy,
      drainMs: 100,
      ...(options.grantFor !== undefined && { entry: entryBy(options.grantFor, services) }),
      ...options.proxy,
      services,
      keys,
    },
  };
  const parts: ProxyParts = {
    authenticate,
    openServers: () => {
      open.servers++;
      return {
        checkPassword: async (_email: string, password: Secret) => {
          passwords.push(password.expose());
          return await Promise.resolve(options.password ?? { kind: 'wrong', detail: 'wrong' });
        },
        verifierFor: ({ serviceID }) => {
          askedAs.push(serviceID);
          return verifier;
        },
        catalogue: options.catalogue ?? (async () => await Promise.resolve({ kind: 'none', detail: 'none' })),
        vault: async () => await Promise.resolve({ kind: 'none' }),
        close: () => void open.servers--,
      };
    },
    // What was remembered is one for all workers, as on a disk.
    openMemory: (directory, livePushes) => {
      if (options.onDisk === true) return new LoginStore(directory, clock, livePushes);
      const { throttles, claims, holds, graces } = memory;
      const beginPush = (target: string): PushMark | Promise<PushMark> => livePushes.begin(target);
      const disk = { check: () => {}, close: () => {} };
      return Object.assign(new FakeMemory(), { throttles, claims, holds, graces, beginPush }, disk);
    },
    openApprovals: directory => new Approvals(directory),
    openHostKeyStore: directory => new HostKeyStore(directory),
    openAudit: () => ({ decision: note, note, close: () => {} }),
    dial,
    clock,
    random: { below: bound => Math.floor(Math.random() * bound) },
    log,
    release: '1.0',
    ident: 'trasa_test',
    headerMs: options.headerMs ?? 60_000,
  };
  const workers: InProcessWorker[] = [];
  const primaryParts: PrimaryParts = {
    loadConfig: () => ({ kind: 'loaded', config, warnings: [] }),
    startWorker: () => {
      const worker = workerInProcess(parts);
      workers.push(worker);
      return worker;
    },
    processors: 1,
    release: '1.0',
    ...(options.lookMs !== undefined && { lookMs: options.lookMs }),
    openAudit: () => ({ note, close: () => {} }),
    clock,
    log,
  };
  // Making an RSA key takes longer than all the rest: the first proxy of a test file makes those of the others.
  const filter = (path: string): boolean => path === stateBefore || path.includes('ssh_host_');
  if (stateBefore !== undefined) cpSync(stateBefore, config.proxy.stateDirectory, { recursive: true, filter });
  stateBefore = config.proxy.stateDirectory;
  const proxy = await startPrimary(config, primaryParts);
  if (typeof proxy === 'string') throw new Error(proxy);
  await until(
    'all workers',
    () => lines.filter(line => line['text'] === 'a worker serves').length === (config.proxy.workers || 1),
  );
  t.teardown(async () => {
    host.stop();
    await proxy.stop();
  });
  return {
    port: proxy.port,
    host,
    alice,
    bob,
    verifier,
    askedAs,
    passwords,
    open,
    memory,
    lines,
    caDirectory,
    userCA,
    hostKey: readFileSync(join(config.proxy.stateDirectory, 'ssh_host_ed25519_key.pub'), 'utf8'),
    stateDirectory: config.proxy.stateDirectory,
    workers,
    grant: async grant =>
      await proxy.reload({ ...config, proxy: { ...config.proxy, entry: entryBy(() => grant, services) } }),
    reload: async changed => await proxy.reload({ ...config, proxy: { ...config.proxy, ...changed } }),
    upgrade: () => {
      Object.assign(parts, { release: '2.0' });
    },
    lost: proxy.lost,
    pass: ms => {
      offset += ms;
    },
    stop: async () => {
      await proxy.stop();
    },
  };
}

function byCode(proof: Proof): Outcome {
  return proof.factor === 'totp' && proof.code.expose() === '123456' ? { kind: 'valid' } : { kind: 'invalid' };
}

function entryBy(grantFor: (service: ProxyService) => Grant, services: ReadonlyMap<string, ProxyService>): EntryRules {
  const rules = [...services.values()].map(service => ({
    ...entryRule,
    name: service.name,
    services: [service.name],
    grant: grantFor(service),
  }));
  return { groups: new Map(), rules };
}

function changesOf({ service = {} }: InProcessOptions, base: ProxyService): Partial<ProxyService> {
  return typeof service === 'function' ? service(base) : service;
}

/** A host that lets in whoever signs, as sshd says it. */
export function takesAnyKey(peer: RawPeer): void {
  answer(peer, payload => {
    if (payload[0] === 5) peer.send(serviceAccept('ssh-userauth'));
    if (payload[0] === 50) peer.send(byte(52));
  });
}

/** Calls `respond` for each message, besides keeping it. */
export function answer(peer: RawPeer, respond: (payload: Buffer) => void): void {
  const keep = peer.message.bind(peer);
  peer.message = payload => {
    keep(payload);
    respond(payload);
  };
}

function configIn(folder: string, caDirectory: string, port: string, hostKey: string): AgentConfig {
  const file = join(folder, 'trasa-proxy.toml');
  const text = `trasaServerURL = "https://127.0.0.1:9"
serviceID = "ID"
serviceKey = "KEY"
[proxy]
sshListenAddr = "127.0.0.1:0"
stateDirectory = "/var/lib/x"
caDirectory = "${caDirectory}"
caPassphraseFile = "${join(folder, 'passphrase')}"
[proxy.services.web1]
address = "127.0.0.1:${port}"
accounts = ["alice", "deploy"]
hostKey = "${hostKey}"
`;
  writeFileSync(file, text, { mode: 0o600 });
  const loaded = loadConfig(file, undefined, 'proxy');
  if (loaded.kind === 'broken') throw new Error(loaded.problems.map(problem => problem.text).join('; '));
  return { ...loaded.config, proxy: { ...loaded.config.proxy, stateDirectory: join(folder, 'state') } };
}
