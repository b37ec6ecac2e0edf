import type { Secret } from '../otp/secret.ts';
import type { Outcome } from '../policy/decision.ts';
import type { LoginAttempt } from './attempt.ts';

/** What a verifier is asked: is this the code, or will the person approve this push? */
export type Proof =
  | { readonly factor: 'totp'; readonly code: Secret }
  /** `number` is shown to the person here and on the device, to be compared; absent if the server cannot show it. */
  | { readonly factor: 'push'; readonly number?: string };

export interface Verification {
  readonly outcome: Outcome;
  /** Who answered, for the audit line: a server's origin, or the verifier's own name. */
  readonly server: string;
}

/**
 * Checks one factor of one person.
 *
 * Contract: everything that can happen to a check is an {@link Outcome}; an exception is a bug. When `signal` aborts,
 * the check is abandoned, a waiting push is cancelled as far as the server allows, and the promise settles soon with
 * any Outcome at all (nobody reads it). A verifier neither asks nor tells the person anything.
 */
export interface Verifier {
  readonly name: string;
  /** Can the device show a number to match? Asked just before a push. */
  canMatchNumbers(): boolean;
  verify(attempt: LoginAttempt, trasaID: string, proof: Proof, signal: AbortSignal): Promise<Verification>;
}
