/** One login in progress: what the steps of authenticate() share. */
import { type Decision, type Denial, deny, type Factor } from '../policy/decision.ts';
import { afterInvalid, heldUntil } from '../policy/throttle.ts';
import type { LoginAttempt } from './attempt.ts';
import type { Conversation } from './conversation.ts';
import type { Clock, DecisionEvent, Ports } from './ports.ts';

export interface Login {
  readonly attempt: LoginAttempt;
  readonly conversation: Conversation;
  readonly ports: Ports;
  readonly signal: AbortSignal;
  readonly trail: Trail;
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
      service: attempt.service,
      account: attempt.account,
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

/** A denial while wrong codes hold this account or this address off; nobody is asked then, and no code is checked. */
export function throttleHold({ attempt, ports }: Login): Denial | undefined {
  const limits = ports.rules.throttle;
  const now = ports.clock.now();
  const until = Math.max(
    heldUntil(ports.memory.throttleOf(accountKey(attempt)), limits.accountFreeTries, limits),
    ...addressKeys(attempt).map(key => heldUntil(ports.memory.throttleOf(key), limits.addressFreeTries, limits)),
  );
  if (until <= now) return undefined;
  const seconds = Math.ceil((until - now) / 1000);
  return deny('throttled', `for ${seconds} s`, `Too many wrong codes. Try again in ${seconds} seconds.`);
}

export function countInvalid({ attempt, ports }: Login): void {
  for (const key of [accountKey(attempt), ...addressKeys(attempt)]) {
    const record = afterInvalid(ports.memory.throttleOf(key), ports.clock.now(), ports.rules.throttle);
    ports.memory.setThrottle(key, record);
  }
}

export function forgiveAccount({ attempt, ports }: Login): void {
  ports.memory.setThrottle(accountKey(attempt), undefined);
}

/**
 * What a grace is bound to: account, client address and, when known, the key that sshd verified. Undefined without an
 * address: a grace that anybody anywhere could use is none.
 */
export function graceBinding(attempt: LoginAttempt): string | undefined {
  if (attempt.clientAddress === undefined) return undefined;
  return JSON.stringify([attempt.account, attempt.clientAddress, attempt.keyFingerprint ?? null]);
}

function accountKey(attempt: LoginAttempt): string {
  return `account:${attempt.account}`;
}

function addressKeys(attempt: LoginAttempt): string[] {
  return attempt.clientAddress === undefined ? [] : [`address:${attempt.clientAddress}`];
}
