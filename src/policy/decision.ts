/**
 * The two levels of an answer, declared here and nowhere else.
 *
 * An {@link Outcome} is what one verifier found out about one factor. A {@link Decision} is where the login stands, and
 * it is final. Throttling counts invalid Outcomes, never Decisions; only a Decision opens the door.
 */

/** What a TRASA server checks: a code typed (RFC 6238), or a push approved on an enrolled device. */
export type ServerFactor = 'totp' | 'push';

/** What was prepared on this host for the time in which no server can answer, and counts only then. */
export const offlineFactors = ['offline-totp', 'recovery-code'] as const;
export type OfflineFactor = (typeof offlineFactors)[number];

/** What proved the person. */
export type Factor = ServerFactor | OfflineFactor;

/** Why a verifier could not answer. Only the first five are troubles of reachability, see {@link failSafeCauses}. */
export type UnavailableCause =
  | 'unreachable' // no connection to any server: refused, reset, no route, name not resolved
  | 'timeout' // a connection, but no whole answer within the deadline
  | 'server-error' // HTTP 5xx
  | 'bad-answer' // not TRASA's envelope: HTML, truncated, oversized, a status we do not know
  | 'rate-limited' // HTTP 429 for longer than the login may last
  | 'tls' // certificate, name or pin not acceptable: perhaps somebody in between
  | 'credentials' // the server refused our serviceID or serviceKey
  | 'refused' // HTTP 3xx or 4xx: the server answers, but not to us
  | 'configuration' // our own configuration is missing or wrong
  | 'state'; // our own state cannot be read or written: no server is asked then

/** The causes that an administrator may list in `failSafeOn`: the server is not there. All others always deny. */
export const failSafeCauses = ['unreachable', 'timeout', 'server-error', 'bad-answer', 'rate-limited'] as const;
export type FailSafeCause = (typeof failSafeCauses)[number];

export type Outcome =
  | { readonly kind: 'valid' }
  /** The server cannot answer, and this proved the person instead. `detail` is for the log, `says` for the person. */
  | { readonly kind: 'valid-offline'; readonly factor: OfflineFactor; readonly detail: string; readonly says: string }
  /** The verifier's own policy asks for no factor here (TRASA's passthru services). */
  | { readonly kind: 'not-required' }
  | { readonly kind: 'invalid' }
  /** The code was right once, and was used before. */
  | { readonly kind: 'replayed' }
  /** The person has nothing enrolled for this factor. */
  | { readonly kind: 'not-enrolled' }
  /** The person said no to the push. */
  | { readonly kind: 'denied-by-person' }
  /** Nobody answered the push in time. */
  | { readonly kind: 'unanswered' }
  /** The server will not let this person in here, whatever the factor: unknown, disabled, hours, address, … */
  | {
      readonly kind: 'refused';
      readonly reason: RefusalReason;
      readonly detail: string;
      /** A sentence for the person, where the server's word allows one. */
      readonly says?: string;
    }
  | {
      readonly kind: 'unavailable';
      readonly cause: UnavailableCause;
      readonly detail: string;
      readonly offline?: OfflineFinding;
    }
  /** A recovery code, which counts only while the server cannot answer: it does. The code was not looked at. */
  | { readonly kind: 'server-answers' };

/** An account has factors on this host for now, when the server cannot answer: how does it stand with them? */
export interface OfflineFinding {
  /** `untried`: what was asked for was no offline factor. `expired`: none of them can be used any more. */
  readonly kind: 'untried' | 'invalid' | 'replayed' | 'expired';
  /** For the person. */
  readonly says: string;
}

/** Why a server refuses a person before it looks at the factor. `detail` of the Outcome keeps the server's own word. */
export type RefusalReason = 'unknown-person' | 'person-disabled' | 'server-policy';

/** The rule by which no factor was asked. Kept apart from `allow`, so that a log cannot confuse them. */
export type BypassRule =
  | 'exempt-user'
  | 'exempt-group'
  | 'not-required' // required users or groups are listed, and this account is not among them
  | 'grace'
  | 'server-passthru'
  | 'proxy-policy' // the policy of the proxy that `detail` names
  | 'fail-safe'
  | 'observe' // two-factor authentication is being tried out: what would have happened is in `detail`
  | 'offline-user'; // the original's `offlineUsers`

export type DenyReason =
  | 'wrong-code'
  | 'replayed-code'
  | 'not-a-code'
  | 'server-answers' // to a recovery code
  | 'push-refused'
  | 'push-unanswered'
  | 'push-cooling-down'
  | 'push-already-waiting'
  | 'throttled'
  | 'not-enrolled'
  | 'unknown-person'
  | 'person-disabled'
  | 'server-policy'
  | 'proxy-policy'
  | 'not-approved' // by an administrator, where a policy of the proxy wants that
  | 'no-conversation'
  | 'cancelled'
  | 'disconnected'
  | 'timed-out'
  | 'server-unavailable'
  | 'credentials-refused'
  | 'unknown-account'
  | 'account-lookup-failed'
  | 'not-your-account'
  | 'overloaded'
  | 'shutting-down'
  | 'state-unavailable'
  | 'config-invalid'
  | 'protocol-error'
  | 'internal-error';

export type Decision =
  | { readonly kind: 'allow'; readonly factor: ServerFactor }
  | BreakGlassEntry
  | { readonly kind: 'bypass'; readonly rule: BypassRule; readonly detail?: string }
  | Denial;

/** A login that no server has checked. It is to be loud: `detail` in the log, `says` to the person. */
export interface BreakGlassEntry {
  readonly kind: 'allow';
  readonly factor: OfflineFactor;
  readonly detail: string;
  readonly says: string;
}

/** `detail` is for the log only. `says` is for the person, where there is more to say than refusals.ts says. */
export interface Denial {
  readonly kind: 'deny';
  readonly reason: DenyReason;
  readonly detail?: string;
  readonly says?: string;
}

export function isOffline(factor: Factor | null): factor is OfflineFactor {
  return offlineFactors.some(known => known === factor);
}

export function isBreakGlass(decision: Decision): decision is BreakGlassEntry {
  return decision.kind === 'allow' && isOffline(decision.factor);
}

/** Shorthand for the commonest Decision. */
export function deny(reason: DenyReason, detail?: string, says?: string): Denial {
  return {
    kind: 'deny',
    reason,
    ...(detail === undefined ? {} : { detail }),
    ...(says === undefined ? {} : { says }),
  };
}
