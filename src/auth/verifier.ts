import type { Secret } from '../otp/secret.ts';
import type { Outcome, UnavailableCause } from '../policy/decision.ts';
import type { LoginAttempt } from './attempt.ts';

/** What a server is asked: is this the code, or will the person approve this push? */
export type ServerProof =
  | { readonly factor: 'totp'; readonly code: Secret }
  /** `number` is shown to the person here and on the device, to be compared; absent if the server cannot show it. */
  | { readonly factor: 'push'; readonly number?: string };

/** What a verifier is asked. A recovery code never goes to a server. */
export type Proof = ServerProof | { readonly factor: 'recovery-code'; readonly code: Secret };

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

/** What stands for a TRASA server: a {@link Verifier} that knows no recovery codes, and can be asked whether it answers. */
export interface ServerVerifier {
  readonly name: string;
  canMatchNumbers(): boolean;
  verify(attempt: LoginAttempt, trasaID: string, proof: ServerProof, signal: AbortSignal): Promise<Verification>;
  /** Undefined if the server answers, and accepts this host. */
  whyUnavailable(signal: AbortSignal): Promise<ServerTrouble | undefined>;
}

export interface ServerTrouble {
  readonly cause: UnavailableCause;
  readonly detail: string;
}
