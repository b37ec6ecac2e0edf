import type { LoginAttempt } from '../../src/auth/attempt.ts';
import type { AccountLookup, DecisionEvent, GroupLookup, LoginMemory, Ports, Rules } from '../../src/auth/ports.ts';
import type { Proof, Verifier } from '../../src/auth/verifier.ts';
import { failSafeCauses, type Outcome } from '../../src/policy/decision.ts';
import type { IdentityRules } from '../../src/policy/identity.ts';
import type { LoginPolicy } from '../../src/policy/policy.ts';
import type { ThrottleLimits, ThrottleRecord } from '../../src/policy/throttle.ts';

export const defaultPolicy: LoginPolicy = {
  requiredUsers: [],
  requiredGroups: [],
  exemptUsers: [],
  exemptGroups: [],
  attempts: 3,
  autopush: false,
  codeDigits: 6,
  replayMemoryMs: 300_000,
  pushCooldownMs: 60_000,
  graceMs: 0,
  observe: false,
  failMode: 'secure',
  failSafeOn: failSafeCauses,
  offlineUsers: [],
};

export const defaultThrottle: ThrottleLimits = {
  accountFreeTries: 5,
  addressFreeTries: 20,
  firstHoldMs: 30_000,
  maxHoldMs: 900_000,
};

export const aliceIsKnown: IdentityRules = {
  people: new Map([['alice', 'alice@example.com']]),
  keys: new Map(),
  domain: '',
};

export const everybodyIsKnown: IdentityRules = { people: new Map(), keys: new Map(), domain: 'example.com' };

export function anAttempt(changes: Partial<LoginAttempt> = {}): LoginAttempt {
  return {
    id: '01JD0000000000000000000000',
    door: 'login',
    askedBy: 1001,
    vouched: false,
    service: 'sshd',
    account: 'alice',
    clientAddress: '192.0.2.7',
    firstFactorProved: true,
    standsAlone: false,
    ...changes,
  };
}

/** Answers from a list of Outcomes, or by a function; remembers what it was asked. */
export class FakeVerifier implements Verifier {
  readonly name = 'fake';
  readonly asked: { person: string; factor: string; code?: string; number?: string }[] = [];
  readonly signals: AbortSignal[] = [];
  readonly #answer: (proof: Proof, signal: AbortSignal) => Outcome | Promise<Outcome>;
  readonly numbers: boolean;

  constructor(answer: Outcome | ((proof: Proof, signal: AbortSignal) => Outcome | Promise<Outcome>), numbers = false) {
    this.#answer = typeof answer === 'function' ? answer : () => answer;
    this.numbers = numbers;
  }

  canMatchNumbers(): boolean {
    return this.numbers;
  }

  async verify(_attempt: LoginAttempt, person: string, proof: Proof, signal: AbortSignal) {
    const fact =
      proof.factor !== 'push'
        ? { code: proof.code.expose() }
        : proof.number === undefined
          ? {}
          : { number: proof.number };
    this.asked.push({ person, factor: proof.factor, ...fact });
    this.signals.push(signal);
    return { outcome: await this.#answer(proof, signal), server: 'fake' };
  }
}

/** LoginMemory without a disk. */
export class FakeMemory implements LoginMemory {
  readonly throttles = new Map<string, ThrottleRecord>();
  readonly claims = new Map<string, number>();
  readonly holds = new Map<string, number>();
  readonly graces = new Map<string, number>();
  readonly pushes = new Set<string>();

  atomically<T>(work: () => T): T {
    return work();
  }

  throttleOf(key: string): ThrottleRecord | undefined {
    return this.throttles.get(key);
  }

  setThrottle(key: string, record: ThrottleRecord | undefined): void {
    if (record === undefined) this.throttles.delete(key);
    else this.throttles.set(key, record);
  }

  claimCode(owner: string, code: string, now: number, keepMs: number): boolean {
    const key = `${owner} ${code}`;
    if ((this.claims.get(key) ?? 0) > now) return false;
    this.claims.set(key, now + keepMs);
    return true;
  }

  releaseCode(owner: string, code: string): void {
    this.claims.delete(`${owner} ${code}`);
  }

  pushHeldUntil(person: string): number {
    return this.holds.get(person) ?? 0;
  }

  holdPush(person: string, until: number): void {
    this.holds.set(person, until);
  }

  beginPush(person: string): (() => void) | undefined {
    if (this.pushes.has(person)) return undefined;
    this.pushes.add(person);
    return () => this.pushes.delete(person);
  }

  graceUntil(binding: string): number {
    return this.graces.get(binding) ?? 0;
  }

  grantGrace(binding: string, until: number): void {
    this.graces.set(binding, until);
  }
}

export interface FakePorts extends Ports {
  readonly clock: { time: number; now(): number };
  readonly memory: FakeMemory;
  readonly verifier: FakeVerifier;
  readonly events: DecisionEvent[];
}

/** An account that is found, with what differs from alice's; or none. */
type FakeAccount =
  | { readonly kind?: undefined; readonly name?: string; readonly groups?: GroupLookup }
  | Exclude<AccountLookup, { kind: 'found' }>;

export function fakePorts(
  verifier: FakeVerifier,
  rules: { policy?: Partial<LoginPolicy>; identity?: IdentityRules; throttle?: Partial<ThrottleLimits> } = {},
  account: FakeAccount = {},
): FakePorts {
  const events: DecisionEvent[] = [];
  const whole: Rules = {
    policy: { ...defaultPolicy, ...rules.policy },
    identity: rules.identity ?? aliceIsKnown,
    throttle: { ...defaultThrottle, ...rules.throttle },
  };
  return {
    clock: {
      time: 1_700_000_000_000,
      now() {
        return this.time;
      },
    },
    random: { below: bound => bound - 1 },
    directory: {
      account: async name =>
        account.kind === undefined
          ? { name, uid: 1001, groups: { kind: 'found', names: ['alice', 'staff'] }, ...account, kind: 'found' }
          : account,
    },
    verifier,
    memory: new FakeMemory(),
    audit: { decision: event => void events.push(event) },
    rules: whole,
    events,
  };
}
