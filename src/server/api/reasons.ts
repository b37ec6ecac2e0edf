import type { RefusalReason } from '../verdict.ts';

/** TRASA's words for a refusal by `/auth/agent/nix`. What TRASA has no code for is a sentence: hosts show it. */
export const reasons: Readonly<Record<RefusalReason, string>> = {
  malformed: 'invalid request',
  'service-credentials': 'invalid service integration details',
  'no-proxy': 'this service is no access proxy',
  'unknown-person': 'user not found',
  'person-disabled': 'User Disabled',
  'no-access': 'policy not assigned',
  'access-expired': 'POLICY_EXPIRED',
  'foreign-address': 'IP_POLICY_FAILED',
  'outside-hours': 'TIME_POLICY_FAILED',
  'wrong-code': 'INVALID_TOTP',
  'replayed-code': 'INVALID_TOTP',
  'not-enrolled': 'DEVICE_NOT_FOUND',
  'push-refused': 'U2F_FAILED',
  'push-expired': 'U2F_FAILED',
  'push-cancelled': 'U2F_FAILED',
  'push-already-waiting': 'another push of this person waits for its answer',
  'too-many-pushes': 'too many pushes wait for an answer, try again later',
  throttled: 'too many wrong codes, try again later',
  'internal-error': 'UNKNOWN',
};
