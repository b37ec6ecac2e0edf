/** A daemon in this process, on a socket of its own, with everything behind it made up. */
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Test } from 'tap';
import { openDaemonLog } from '../../src/audit/daemon-log.ts';
import { authenticate } from '../../src/auth/authenticate.ts';
import type { Conversation } from '../../src/auth/conversation.ts';
import type { AuditLog, DecisionEvent, Directory } from '../../src/auth/ports.ts';
import { nodeCrypto } from '../../src/ca/node-crypto.ts';
import type { AgentConfig, LoadedConfig } from '../../src/config/config.ts';
import { type Daemon, startDaemon } from '../../src/daemon/daemon.ts';
import type { Authenticate, Emergency, PeerDirectory, Timeouts } from '../../src/daemon/service.ts';
import type { StatFs } from '../../src/host/disk-space.ts';
import type { PeerCredentials } from '../../src/host/peer.ts';
import { Secret } from '../../src/otp/secret.ts';
import { decodeDaemonMessage, encodeDoorMessage } from '../../src/protocol/codec.ts';
import { LineSplitter } from '../../src/protocol/line.ts';
import type { AttemptMessage, DaemonMessage, DoorMessage } from '../../src/protocol/messages.ts';
import { askDaemon, type Reply } from '../../src/relay/ask-daemon.ts';
import { LoginStore } from '../../src/store/login-store.ts';
import { aliceIsKnown, defaultPolicy, defaultThrottle, FakeVerifier } from '../helpers/fake-ports.ts';
import { tempDirectory } from './temp-directory.ts';

export interface Options {
  /** Changes to the configuration, given the directory where everything is. */
  config?: (config: AgentConfig) => AgentConfig;
  /** Instead of a configuration that loads. */
  loadConfig?: (config: AgentConfig) => LoadedConfig;
  verifier?: FakeVerifier;
  /** Who has connected; root unless said otherwise. */
  peer?: () => PeerCredentials | undefined;
  directory?: PeerDirectory;
  authenticate?: Authenticate;
  audit?: AuditLog;
  emergency?: Emergency;
  timeouts?: Partial<Timeouts>;
  statfs?: StatFs;
  /** Used again by a second daemon. */
  place?: string;
}

export interface Running {
  readonly daemon: Daemon;
  readonly socket: string;
  readonly directory: string;
  readonly events: DecisionEvent[];
  readonly log: { level: string; text: string; [fact: string]: unknown }[];
  readonly verifier: FakeVerifier;
  ask(conversation: Conversation, changes?: Partial<AttemptMessage>, signal?: AbortSignal): Promise<Reply>;
  /** A connection that says what it likes. */
  raw(): RawDoor;
}

export const attempt: AttemptMessage = {
  kind: 'attempt',
  version: '1',
  door: 'login',
  service: 'sshd',
  account: 'alice',
  rhost: '192.0.2.7',
  tty: '/dev/pts/3',
  interactive: true,
};

export const root: PeerCredentials = { pid: 1, uid: 0, gid: 0 };
export const alice: PeerCredentials = { pid: 2, uid: 1001, gid: 1001 };

/** alice is uid 1001, bob 1002; nobody else exists. */
export const twoAccounts: Directory = {
  async account(name) {
    const uid = { alice: 1001, bob: 1002 }[name];
    return uid === undefined
      ? { kind: 'unknown' }
      : { kind: 'found', name, uid, groups: { kind: 'found', names: [name] } };
  },
};

export async function runningDaemon(t: Test, options: Options = {}): Promise<Running> {
  const directory = options.place ?? tempDirectory(t);
  const plain = configIn(directory);
  const config = options.config?.(plain) ?? plain;
  const verifier = options.verifier ?? new FakeVerifier({ kind: 'valid' });
  const events: DecisionEvent[] = [];
  const log: Running['log'] = [];
  const clock = { now: () => Date.now() };
  const daemon = await startDaemon(
    {
      authenticate: options.authenticate ?? authenticate,
      loadConfig: () => options.loadConfig?.(config) ?? { kind: 'loaded', config, warnings: [] },
      openVerifier: () => ({ verifier, close() {} }),
      openMemory: path => new LoginStore(path, clock),
      ...(options.emergency !== undefined && { openEmergency: () => options.emergency ?? (() => undefined) }),
      openAudit: () => ({ ...(options.audit ?? { decision: event => void events.push(event) }), close() {} }),
      directory: options.directory ?? twoAccounts,
      peerOf: options.peer ?? (() => root),
      crypto: nodeCrypto,
      clock,
      random: { below: bound => Math.floor(Math.random() * bound) },
      log: openDaemonLog(clock, line => void log.push(JSON.parse(line) as Running['log'][number])),
      ...(options.timeouts !== undefined && { timeouts: options.timeouts }),
      // Whatever the disk of the one who tests is like.
      statfs: options.statfs ?? (async () => ({ bsize: 4096, blocks: 1024 ** 3, bavail: 1024 ** 2 })),
    },
    () => ({ kind: 'path', path: plain.daemon.socket }),
  );
  t.teardown(async () => await daemon.stop());
  const socket = plain.daemon.socket;
  return {
    daemon,
    socket,
    directory,
    events,
    log,
    verifier,
    ask: async (conversation, changes = {}, signal = new AbortController().signal) =>
      await askDaemon({
        socket,
        attempt: { ...attempt, interactive: conversation.interactive, ...changes },
        conversation,
        signal,
      }),
    raw: () => new RawDoor(t, socket),
  };
}

export function configIn(directory: string): AgentConfig {
  return {
    source: join(directory, 'trasa-agent.toml'),
    server: {
      urls: [new URL('https://trasa.example.com')],
      serviceID: 'id',
      serviceKey: new Secret('key'),
      ca: undefined,
      pins: [],
      insecureSkipVerify: false,
      httpProxy: undefined,
      connectTimeoutMs: 5_000,
      tlsTimeoutMs: 5_000,
      responseTimeoutMs: 10_000,
      pushTimeoutMs: 65_000,
    },
    policy: defaultPolicy,
    identity: aliceIsKnown,
    throttle: defaultThrottle,
    daemon: {
      socket: join(directory, 'agent.sock'),
      stateDirectory: join(directory, 'state'),
      auditFile: '',
      maxLogins: 64,
      loginTimeoutMs: 20_000,
      proxyTrust: { caKeys: [], revokedKeys: '' },
    },
    proxy: {
      listen: { host: undefined, port: 0 },
      stateDirectory: '',
      auditFile: '',
      caDirectory: '',
      caPassphraseFile: '',
      caAgent: '',
      recordDirectory: '',
      recordingDays: 0,
      certificateSeconds: 120,
      sourceAddress: '',
      loginTimeoutMs: 0,
      maxStartups: 0,
      maxStartupsPerAddress: 0,
      penaltyExempt: '',
      workers: 0,
      proxyProtocolFrom: '',
      maxSessions: 0,
      drainMs: 0,
      metrics: undefined,
      keys: new Map(),
      services: new Map(),
      entry: { groups: new Map(), rules: [] },
      catalogue: false,
      catalogueMaxAgeMs: 86_400_000,
      systemCAs: [],
    },
    login: { motd: true, record: false, recordDirectory: join(directory, 'recordings'), sftpServer: '/usr/lib/sftp' },
    debug: true,
  };
}

/** A door without manners. */
export class RawDoor {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  readonly #lines = new LineSplitter();
  readonly #arrived: string[] = [];
  #isClosed = false;
  #wake = (): void => {};

  constructor(t: Test, path: string) {
    this.socket = connect({ path });
    this.socket.on('error', () => {});
    this.socket.on('data', (chunk: Buffer) => {
      this.#arrived.push(...this.#lines.push(chunk).lines);
      this.#wake();
    });
    this.closed = new Promise(resolve => {
      this.socket.on('close', () => {
        this.#isClosed = true;
        this.#wake();
        resolve();
      });
    });
    t.teardown(() => this.socket.destroy());
  }

  say(...messages: DoorMessage[]): void {
    this.write(messages.map(encodeDoorMessage).join(''));
  }

  write(text: string): void {
    this.socket.write(text);
  }

  /** The next message, or undefined when there will be none. */
  async next(): Promise<DaemonMessage | undefined> {
    while (this.#arrived.length === 0 && !this.#isClosed)
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    const line = this.#arrived.shift();
    return line === undefined ? undefined : decodeDaemonMessage(line);
  }
}

/** Waits until `condition` holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition())
    await new Promise(resolve => {
      setTimeout(resolve, 2);
    });
}

/** A push that nobody answers, until it is taken back. */
export function pushThatWaits(): FakeVerifier {
  return new FakeVerifier(async (proof, signal) => {
    if (proof.factor === 'totp') return { kind: 'valid' };
    if (!signal.aborted) await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }));
    return { kind: 'unanswered' };
  });
}
