/** What authenticate() needs of the world. All of it is handed in; nothing here does any work. */
import type { Decision, Factor } from '../policy/decision.ts';
import type { IdentityRules } from '../policy/identity.ts';
import type { LoginPolicy } from '../policy/policy.ts';
import type { ThrottleLimits, ThrottleRecord } from '../policy/throttle.ts';
import type { Door, LoginAttempt } from './attempt.ts';
import type { Verifier } from './verifier.ts';

export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly directory: Directory;
  readonly verifier: Verifier;
  readonly memory: LoginMemory;
  readonly audit: AuditLog;
  readonly rules: Rules;
  /** What stands in when `memory` fails. Absent, or undefined if nothing opens then: such a login is denied. */
  readonly emergency?: (trouble: string) => EmergencyPorts | undefined;
}

/** A memory that needs no disk, and a verifier that lets in by what was prepared on this host, and by nothing else. */
export type EmergencyPorts = Pick<Ports, 'memory' | 'verifier'>;

/** The administrator's word, taken from the configuration once per login, so that a reload never mixes two. */
export interface Rules {
  readonly policy: LoginPolicy;
  readonly identity: IdentityRules;
  readonly throttle: ThrottleLimits;
}

export interface Clock {
  /** Milliseconds since 1970, UTC. */
  now(): number;
}

export interface Random {
  /** A whole number, 0 ≤ n < bound, not guessable. */
  below(bound: number): number;
}

/** The host's users and groups (NSS). */
export interface Directory {
  /** Never throws: a look-up that fails is `unavailable`, which denies. */
  account(name: string): Promise<AccountLookup>;
}
export type AccountLookup =
  /** `name` is the user database's own spelling: some (sssd, winbind) find an account under several. */
  | { readonly kind: 'found'; readonly name: string; readonly uid: number; readonly groups: GroupLookup }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'unavailable'; readonly detail: string };
/** Names of the primary and all supplementary groups. */
export type GroupLookup =
  | { readonly kind: 'found'; readonly names: readonly string[] }
  | { readonly kind: 'unavailable'; readonly detail: string };

/**
 * What must be remembered between logins, and across a restart of the daemon. A failure throws {@link MemoryError}.
 * Methods are synchronous, so that nothing of this process can come between look and mark.
 */
export interface LoginMemory {
  /** What `work` looks at and marks here happens as one, for other processes that share the memory too; or not at all. */
  atomically<T>(work: () => T): T;

  throttleOf(key: string): ThrottleRecord | undefined;
  setThrottle(key: string, record: ThrottleRecord | undefined): void;

  /** Reserves a code of `owner` for one check. False: it is being checked or was used within the last `keepMs`. */
  claimCode(owner: string, code: string, now: number, keepMs: number): boolean;
  /** Gives a claim back: the code turned out not to open anything. */
  releaseCode(owner: string, code: string): void;

  /** Time (ms since 1970) until which no push goes to `target`; 0 if none was refused lately. */
  pushHeldUntil(target: string): number;
  holdPush(target: string, until: number): void;
  /** Marks the one live push to `target`. Undefined: there is one already. Not kept over a restart. */
  beginPush(target: string): PushMark | Promise<PushMark>;

  /** Time (ms since 1970) until which this binding needs no new factor; 0 if never proved. */
  graceUntil(binding: string): number;
  grantGrace(binding: string, until: number): void;
}

/** Takes the mark of a live push away. */
export type PushMark = (() => void) | undefined;

/** The state on disk could not be read or written. Denies, as `state-unavailable`, but for {@link Ports.emergency}. */
export class MemoryError extends Error {
  override readonly name = 'MemoryError';
}

export interface AuditLog {
  /**
   * Written before the door opens. Throws if it cannot be written; the login is then denied. One by an offline factor
   * needs less: the disk that is full may be what it is meant for (audit/audit-log.ts).
   */
  decision(event: DecisionEvent): void;
}

/** One line per decision (DESIGN rule 9). Field names are those of the log. */
export interface DecisionEvent {
  readonly event: 'decision';
  readonly attempt: LoginAttempt['id'];
  readonly door: Door;
  /** Uid of the process that asked. What follows is its word, unless it is 0. */
  readonly uid: number;
  readonly service: string;
  readonly account: string;
  /** At the proxy: the service. */
  readonly target?: string;
  readonly person: string | null;
  readonly client: string | null;
  readonly tty: string | null;
  readonly key: string | null;
  readonly command: string | null;
  readonly factor: Factor | null;
  readonly decision: Decision['kind'];
  /** Rule of a bypass, reason of a denial, factor of an allow. */
  readonly reason: string;
  readonly detail: string | null;
  readonly server: string | null;
  /** Milliseconds from question to Decision, of which `verifyMs` in the verifier. */
  readonly totalMs: number;
  readonly verifyMs: number;
}
