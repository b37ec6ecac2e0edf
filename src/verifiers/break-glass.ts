/**
 * Break-glass: a server first, and where it cannot answer, whatever the cause, the factors that were prepared on this
 * host. They are factors; what the fail mode does with a server that cannot answer is not this room's business.
 */
import type { LoginAttempt } from '../auth/attempt.ts';
import type { Clock, EmergencyPorts } from '../auth/ports.ts';
import type { Proof, ServerTrouble, ServerVerifier, Verification, Verifier } from '../auth/verifier.ts';
import type { Secret } from '../otp/secret.ts';
import type { OfflineFinding, Outcome } from '../policy/decision.ts';
import { OfflineCredentials, type OfflineOptions, type Prepared } from '../store/offline-credentials.ts';
import { VolatileMemory } from '../store/volatile-memory.ts';
import { noServer } from './no-server.ts';
import { useOfflineCode } from './offline-totp.ts';
import { placeOf } from './recovery-code.ts';

/** The prepared factors of one state directory, and what they stand behind. */
export class BreakGlass {
  readonly #credentials: OfflineCredentials;
  readonly #clock: Clock;
  /** One for the life of the process, or many emergencies would be many first tries. */
  readonly #memory = new VolatileMemory();

  constructor(credentials: OfflineCredentials, clock: Clock) {
    this.#credentials = credentials;
    this.#clock = clock;
  }

  behind(server: ServerVerifier): Verifier {
    return new BreakGlassVerifier(server, this.#credentials, this.#clock);
  }

  /** Without any server and without a disk. Undefined if nothing is prepared on this host: then nothing opens. */
  alone(trouble: ServerTrouble): EmergencyPorts | undefined {
    if (!this.#credentials.isPrepared(this.#clock.now())) return undefined;
    return { memory: this.#memory, verifier: this.behind(noServer(trouble)) };
  }
}

/** Opens each state directory once: what was used is remembered in one place. */
export function breakGlassIn(
  clock: Clock,
  warn: (text: string) => void,
  options?: OfflineOptions,
): (stateDirectory: string) => BreakGlass {
  const opened = new Map<string, BreakGlass>();
  return directory => {
    const known = opened.get(directory) ?? new BreakGlass(new OfflineCredentials(directory, warn, options), clock);
    opened.set(directory, known);
    return known;
  };
}

class BreakGlassVerifier implements Verifier {
  readonly name = 'break-glass';
  readonly #server: ServerVerifier;
  readonly #credentials: OfflineCredentials;
  readonly #clock: Clock;

  constructor(server: ServerVerifier, credentials: OfflineCredentials, clock: Clock) {
    this.#server = server;
    this.#credentials = credentials;
    this.#clock = clock;
  }

  canMatchNumbers(): boolean {
    return this.#server.canMatchNumbers();
  }

  async verify(attempt: LoginAttempt, trasaID: string, proof: Proof, signal: AbortSignal): Promise<Verification> {
    if (proof.factor === 'recovery-code') return await this.#recoveryCode(attempt.account, proof.code, signal);
    const asked = await this.#server.verify(attempt, trasaID, proof, signal);
    const { outcome } = asked;
    if (outcome.kind !== 'unavailable' || signal.aborted) return asked;
    const check = proof.factor === 'totp' ? this.#code(attempt.account, proof.code, outcome) : undefined;
    return { server: asked.server, outcome: check ?? this.#untried(attempt.account, outcome) };
  }

  /** Undefined if there is no credential to check it against. */
  #code(account: string, code: Secret, trouble: ServerTrouble): Outcome | undefined {
    const { totp } = this.#usable(account);
    if (totp === undefined) return undefined;
    const found = useOfflineCode(totp, code, this.#credentials, this.#clock.now());
    if (found !== 'valid') return unavailable(trouble, { kind: found, says: says[found].code });
    return {
      kind: 'valid-offline',
      factor: 'offline-totp',
      detail: why(trouble),
      says: 'WARNING: the TRASA server cannot be asked. You came in by an offline code of this host.',
    };
  }

  /** Asks the server first whether it answers, and looks at the code only if it does not. */
  async #recoveryCode(account: string, code: Secret, signal: AbortSignal): Promise<Verification> {
    const trouble = await this.#server.whyUnavailable(signal);
    const server = this.#server.name;
    if (trouble === undefined) return { server, outcome: { kind: 'server-answers' } };
    const { codes } = this.#usable(account);
    if (codes === undefined) return { server, outcome: this.#untried(account, trouble) };
    const place = await placeOf(code, codes);
    if (place === undefined || signal.aborted)
      return { server, outcome: unavailable(trouble, { kind: 'invalid', says: says.invalid.recoveryCode }) };
    if (!this.#credentials.useCode(codes.id, place, this.#clock.now()))
      return { server, outcome: unavailable(trouble, { kind: 'replayed', says: says.replayed.recoveryCode }) };
    const left = this.#left(codes);
    return {
      server,
      outcome: {
        kind: 'valid-offline',
        factor: 'recovery-code',
        detail: `${why(trouble)}; ${left} recovery codes left`,
        says: `WARNING: the TRASA server cannot be asked. You came in by a recovery code; ${left} are left.`,
      },
    };
  }

  #untried(account: string, trouble: ServerTrouble): Outcome {
    const prepared = this.#credentials.of(account);
    if (prepared.totp === undefined && prepared.codes === undefined) return unavailable(trouble);
    const { totp, codes } = this.#usable(account);
    const words = [
      ...(totp === undefined ? [] : ['an offline code of this host']),
      ...(codes ? ['a recovery code'] : []),
    ];
    return unavailable(
      trouble,
      words.length === 0
        ? { kind: 'expired', says: says.expired }
        : { kind: 'untried', says: `The TRASA server cannot be asked now. Type ${words.join(', or ')}.` },
    );
  }

  /** What has not expired and is not used up. */
  #usable(account: string): Prepared {
    const { totp, codes } = this.#credentials.of(account);
    const now = this.#clock.now();
    return {
      totp: totp !== undefined && totp.expiresAt > now ? totp : undefined,
      codes: codes !== undefined && codes.expiresAt > now && this.#left(codes) > 0 ? codes : undefined,
    };
  }

  #left({ id, hashes }: NonNullable<Prepared['codes']>): number {
    return hashes.filter((_, place) => !this.#credentials.isUsed(id, place)).length;
  }
}

const says = {
  invalid: {
    code: "That is not the offline code of now. If this host's clock is wrong, only a recovery code counts.",
    recoveryCode: 'That is no recovery code of this account on this host.',
  },
  replayed: {
    code: 'That code was used already. Wait for the next one and try again.',
    recoveryCode: 'That recovery code was used already. Take the next one of your list.',
  },
  expired: 'The TRASA server cannot be asked, and what was prepared for this account has expired or is used up.',
} as const;

function unavailable({ cause, detail }: ServerTrouble, offline?: OfflineFinding): Outcome {
  return { kind: 'unavailable', cause, detail, ...(offline !== undefined && { offline }) };
}

function why({ cause, detail }: ServerTrouble): string {
  return `${cause}: ${detail}`;
}
