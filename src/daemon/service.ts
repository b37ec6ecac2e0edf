/** What the daemon is made of. Everything that touches the host is handed in. */
import type { Socket } from 'node:net';
import type { DaemonLog } from '../audit/daemon-log.ts';
import type { LoginAttempt } from '../auth/attempt.ts';
import type { Conversation } from '../auth/conversation.ts';
import type {
  AccountLookup,
  AuditLog,
  Clock,
  Directory,
  EmergencyPorts,
  LoginMemory,
  Ports,
  Random,
  Rules,
} from '../auth/ports.ts';
import type { ServerTrouble, Verifier } from '../auth/verifier.ts';
import type { AgentConfig, LoadedConfig } from '../config/config.ts';
import type { DiskSpace, StatFs } from '../host/disk-space.ts';
import type { PeerCredentials } from '../host/peer.ts';
import type { Decision } from '../policy/decision.ts';
import type { SshCrypto } from '../ssh/crypto.ts';
import type { Admission } from './admission.ts';
import type { LineLimit } from './line-limit.ts';

export interface DaemonParts {
  readonly authenticate: Authenticate;
  readonly loadConfig: () => LoadedConfig;
  readonly openVerifier: (config: AgentConfig) => OpenVerifier;
  readonly openMemory: (stateDirectory: string) => OpenMemory;
  /** What opens while nothing else can; undefined: nothing does. Absent: never anything. */
  readonly openEmergency?: (stateDirectory: string) => Emergency;
  readonly openAudit: (file: string) => AuditLog & { close(): void };
  readonly directory: PeerDirectory;
  /** The kernel's word on who has connected. Undefined if it cannot be had: such a peer is not served. */
  readonly peerOf: (socket: Socket) => PeerCredentials | undefined;
  readonly crypto: SshCrypto;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: DaemonLog;
  readonly timeouts?: Partial<Timeouts>;
  /** statfs(2), if not the system's. */
  readonly statfs?: StatFs;
}

/** A look-up for a peer that may ask for anything: so many at once for each uid, and none for who is gone. */
export interface PeerDirectory extends Directory {
  account(name: string, asker?: { readonly uid: number; readonly gone: AbortSignal }): Promise<AccountLookup>;
}

/** What a connection needs of the daemon. */
export interface ServeParts
  extends Pick<DaemonParts, 'authenticate' | 'directory' | 'peerOf' | 'crypto' | 'clock' | 'random' | 'log'> {
  readonly admission: Admission;
  readonly space: DiskSpace;
  /** Lines of a log about one uid: of those without room, and of those refused. */
  readonly limits: { readonly overloads: LineLimit; readonly refusals: LineLimit };
  readonly standing: Standing;
  readonly timeouts: Timeouts;
  /** Aborts when the daemon stops. */
  readonly stopping: AbortSignal;
}

/** Undefined: nothing is prepared on this host. */
export type Emergency = (trouble: ServerTrouble) => EmergencyPorts | undefined;

/** src/auth/authenticate.ts */
export type Authenticate = (
  attempt: LoginAttempt,
  conversation: Conversation,
  ports: Ports,
  signal: AbortSignal,
) => Promise<Decision>;

export interface OpenVerifier {
  readonly verifier: Verifier;
  /** Logins in progress may still finish with it. */
  close(): void;
}

/** A LoginMemory that can be looked at before it is needed, and closed. */
export interface OpenMemory extends LoginMemory {
  /** Throws MemoryError. */
  check(): void;
  close(): void;
}

/** In milliseconds. */
export interface Timeouts {
  /** From connection to the end of the first line. */
  readonly openingMs: number;
  /** From an allowed entry to the header of its recording. */
  readonly recordHeaderMs: number;
  /** For everything to come to its end after SIGTERM. */
  readonly stopMs: number;
}

export const usualTimeouts: Timeouts = { openingMs: 5_000, recordHeaderMs: 60_000, stopMs: 5_000 };

/** How things stand for a login that begins now. A reload makes a new one; logins in progress keep theirs. */
export type Standing =
  | {
      readonly kind: 'ready';
      readonly config: AgentConfig;
      readonly rules: Rules;
      readonly verifier: Verifier;
      readonly memory: LoginMemory;
      readonly audit: AuditLog;
      readonly emergency: Emergency;
    }
  /** There is no configuration to go by: everybody is denied, but for what was prepared on this host. */
  | {
      readonly kind: 'broken';
      /** All at its defaults. */
      readonly config: AgentConfig;
      readonly audit: AuditLog;
      readonly emergency: Emergency;
    };
