/**
 * Time-based one-time passwords (RFC 6238 over RFC 4226), computed by otplib.
 *
 * Subset: T0 = 0; SHA-1, SHA-256, SHA-512; 6 to 8 digits; codes are ASCII digits of exactly that length.
 */
import { createGuardrails, generateSync, verifySync } from 'otplib';
import { isCode } from './code.ts';
import { Secret } from './secret.ts';

export type Algorithm = 'sha1' | 'sha256' | 'sha512';

/** How a credential makes codes. RFC 6238: `periodSeconds` is the time step X, `secret` the key K (base32, RFC 4648). */
export interface TotpParameters {
  readonly secret: Secret;
  readonly algorithm: Algorithm;
  readonly digits: 6 | 7 | 8;
  readonly periodSeconds: number;
}

/** Number of a time step, RFC 6238's T. */
export type TimeStep = number & { readonly unit: 'time step' };

export function isTimeStep(step: number): step is TimeStep {
  return Number.isSafeInteger(step) && step >= 0;
}

/** Steps accepted before and after the present one (RFC 6238 §5.2, §6). TRASA's server: one each. */
export interface Window {
  readonly past: number;
  readonly future: number;
}

export interface TotpCheck extends TotpParameters {
  readonly code: Secret;
  /** Milliseconds since 1970, UTC. */
  readonly now: number;
  readonly window: Window;
  /** The newest step that was ever accepted for this credential. */
  readonly lastUsedStep?: TimeStep | undefined;
}

/**
 * `replayed`: a right code of a step that is not newer than the last one accepted (RFC 6238 §5.2: a code is accepted
 * once; we refuse older steps too, which were still in somebody's hands when the newer one was used).
 */
export type TotpResult =
  | { readonly kind: 'valid'; readonly step: TimeStep }
  | { readonly kind: 'invalid' | 'replayed' };

/** The shipped secrets of TRASA have 80 bits; RFC 4226 R6 wants 128. Accepted from elsewhere, never made by us. */
const guardrails = createGuardrails({ MIN_SECRET_BYTES: 10 });

/** Is this code right, now, and new? Throws only if the secret is not base32: the caller's store is damaged. */
export function verifyTotp(check: TotpCheck): TotpResult {
  const { digits, periodSeconds, window, lastUsedStep } = check;
  const code = check.code.expose();
  if (!isCode(code, digits)) return { kind: 'invalid' };
  const result = verifySync({
    ...library(check),
    token: code,
    epoch: Math.floor(check.now / 1000),
    epochTolerance: [window.past * periodSeconds, window.future * periodSeconds],
  });
  if (!result.valid || !('timeStep' in result) || !isTimeStep(result.timeStep)) return { kind: 'invalid' };
  if (lastUsedStep !== undefined && result.timeStep <= lastUsedStep) return { kind: 'replayed' };
  return { kind: 'valid', step: result.timeStep };
}

/** The code at a time (ms since 1970), as a device shows it. */
export function totpAt(parameters: TotpParameters, now: number): Secret {
  return new Secret(generateSync({ ...library(parameters), epoch: Math.floor(now / 1000) }));
}

function library(parameters: TotpParameters) {
  return {
    strategy: 'totp',
    secret: parameters.secret.expose(),
    algorithm: parameters.algorithm,
    digits: parameters.digits,
    period: parameters.periodSeconds,
    guardrails,
  } as const;
}
