/** What the server finds about one request of a host. TRASA's words for it: api/reasons.ts. */
export type Verdict =
  | { readonly kind: 'verified'; readonly factor: 'totp' | 'push'; readonly device: string }
  /** No factor is asked here: a passthru service, or a grant without second factor. */
  | { readonly kind: 'not-required' }
  | { readonly kind: 'refused'; readonly reason: RefusalReason };

export type RefusalReason =
  | 'malformed'
  | 'service-credentials'
  | 'no-proxy'
  | 'unknown-person'
  | 'person-disabled'
  | 'no-access'
  | 'access-expired'
  | 'foreign-address'
  | 'outside-hours'
  | FactorRefusal
  | 'internal-error';

export type FactorRefusal =
  | 'throttled'
  | 'wrong-code'
  | 'replayed-code'
  | 'not-enrolled'
  | 'push-refused'
  | 'push-expired'
  | 'push-cancelled'
  | 'push-already-waiting'
  | 'too-many-pushes';

export function refused(reason: RefusalReason): Verdict {
  return { kind: 'refused', reason };
}
