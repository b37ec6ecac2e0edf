/** One login in progress: what the steps of authenticate() share. */
import { type Decision, type Denial, deny, type Factor } from '../policy/decision.ts';
import { afterFailure, afterTakingBack, heldUntil, pushFreeTries } from '../policy/throttle.ts';
import type { LoginAttempt } from './attempt.ts';
import type { Conversation } from './conversation.ts';
import type { Clock, DecisionEvent, Ports } from './ports.ts';
import { accountKey, addressKey, personKey, pushKey } from './throttle-keys.ts';

export interface Login {
  readonly attempt: LoginAttempt;
  readonly conversation: Conversation;
  readonly ports: Ports;
  readonly signal: AbortSignal;
  readonly trail: Trail;
}

export interface Person {
  readonly trasaID: string;
  /**
   * Under what name pushes to them are counted and held off. A person whom a rule names has one on this host, however it
   * is spelt; one whom only the door's word names has one per account, so that whoever may enter one account can
   * neither ring many phones nor take the pushes of others away.
   */
  readonly pushTarget: string;
}

/** What became known on the way, for the audit line. */
export class Trail {
  readonly #clock: Clock;
  readonly #startedAt: number;
  person: string | undefined;
  factor: Factor | undefined;
  server: string | undefined;
  verifyMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  event(attempt: LoginAttempt, decision: Decision): DecisionEvent {
    return {
      event: 'decision',
      attempt: attempt.id,
      door: attempt.door,
      uid: attempt.askedBy,
      service: attempt.service,
      account: attempt.account,
      ...(attempt.through !== undefined && { target: attempt.through.target }),
      person: this.person ?? null,
      client: attempt.clientAddress ?? null,
      tty: attempt.tty ?? null,
      key: attempt.keyFingerprint ?? null,
      command: attempt.command ?? null,
      factor: this.factor ?? null,
      decision: decision.kind,
      reason: reasonOf(decision),
      detail: 'detail' in decision ? decision.detail : null,
      server: this.server ?? null,
      totalMs: this.#clock.now() - this.#startedAt,
      verifyMs: this.verifyMs,
    };
  }
}

function reasonOf(decision: Decision): string {
  switch (decision.kind) {
    case 'allow':
      return decision.factor;
    case 'bypass':
      return decision.rule;
    case 'deny':
      return decision.reason;
  }
}

/** A denial while wrong codes hold this account off: nobody is asked then. */
export function accountHold(login: Login): Denial | undefined {
  return holdOf(login, [ownKey(login.attempt)], login.ports.rules.throttle.accountFreeTries);
}

/** A denial while wrong codes hold off whoever comes from this address: no code is checked then; a push may be sent. */
export function addressHold(login: Login): Denial | undefined {
  return holdOf(login, addressKeys(login.attempt), login.ports.rules.throttle.addressFreeTries);
}

function holdOf({ ports }: Login, keys: readonly string[], freeTries: number): Denial | undefined {
  const now = ports.clock.now();
  const holds = keys.map(key => heldUntil(ports.memory.throttleOf(key), freeTries, ports.rules.throttle, now));
  const until = Math.max(0, ...holds);
  if (until <= now) return undefined;
  const seconds = Math.ceil((until - now) / 1000);
  return deny('throttled', `for ${seconds} s`, `Too many wrong codes. Try again in ${seconds} seconds.`);
}

export function arePushesHeld({ ports }: Login, target: string): boolean {
  const now = ports.clock.now();
  const abandoned = ports.memory.throttleOf(pushKey(target));
  const until = Math.max(
    ports.memory.pushHeldUntil(target),
    heldUntil(abandoned, pushFreeTries, ports.rules.throttle, now),
  );
  return until > now;
}

/** Takes a failure back that was none after all. */
type TakeBack = () => void;

/**
 * Counts a code as wrong, and a push as come to nothing, before either is known: what is tried at the same time is
 * counted at the same time.
 */
export function countCode(login: Login): TakeBack {
  return count(login, [ownKey(login.attempt), ...addressKeys(login.attempt)]);
}

export function countPush(login: Login, target: string): TakeBack {
  return count(login, [pushKey(target)]);
}

function count({ ports: { memory, clock, rules } }: Login, keys: readonly string[]): TakeBack {
  const all = keys.map(key => {
    const before = memory.throttleOf(key);
    const counted = afterFailure(before, clock.now(), rules.throttle);
    memory.setThrottle(key, counted);
    return () => memory.setThrottle(key, afterTakingBack(memory.throttleOf(key), before, counted));
  });
  return () => {
    for (const takeBack of all) takeBack();
  };
}

/** The person has proved to be there. */
export function forgive({ attempt, ports }: Login, target: string): void {
  ports.memory.setThrottle(ownKey(attempt), undefined);
  ports.memory.setThrottle(pushKey(target), undefined);
}

/**
 * What a grace is bound to: account, client address and, when known, the key that sshd verified. Undefined without an
 * address: a grace that anybody anywhere could use is none; and without a first factor, or it would be the only one.
 */
export function graceBinding(
  attempt: Pick<LoginAttempt, 'account' | 'clientAddress' | 'firstFactorProved' | 'keyFingerprint' | 'through'>,
): string | undefined {
  const { account, clientAddress, firstFactorProved, keyFingerprint = null, through } = attempt;
  if (clientAddress === undefined || !firstFactorProved) return undefined;
  const passage = through === undefined ? [] : [through.person, through.target];
  return JSON.stringify([account, clientAddress, keyFingerprint, ...passage]);
}

function ownKey({ account, through }: LoginAttempt): string {
  return through === undefined ? accountKey(account) : personKey(through.person);
}

/** Only an address that sshd vouches for: else anybody on this host could hold off anybody's address. */
function addressKeys({ clientAddress, vouched }: LoginAttempt): string[] {
  return clientAddress === undefined || !vouched ? [] : [addressKey(clientAddress)];
}
