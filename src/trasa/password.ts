import { cleanText } from '../protocol/clean.ts';
import type { Delivery } from './delivery.ts';

/** What came of a password at /auth/identity. */
export type PasswordOutcome =
  | { readonly kind: 'right' }
  | { readonly kind: 'wrong'; readonly detail: string }
  /** It is right, but the server wants something first that only its own pages can do. */
  | { readonly kind: 'unfinished'; readonly says: string }
  | { readonly kind: 'unavailable'; readonly detail: string };

/** Only the one intent that asks for the second factor means that the first is proved. */
export function passwordOutcome(delivery: Delivery): PasswordOutcome {
  if (delivery.kind === 'unavailable') return { kind: 'unavailable', detail: `${delivery.cause}: ${delivery.detail}` };
  const { status, reason, intent } = delivery.envelope;
  if (status === 'failed') return { kind: 'wrong', detail: cleanText(reason, 120) };
  switch (intent) {
    case 'AUTH_RESP_TFA_REQUIRED':
      return { kind: 'right' };
    case 'AUTH_RESP_TFA_DH_REQUIRED': // the original refuses too: a password says nothing of the device
      return {
        kind: 'unfinished',
        says: 'Device hygiene enabled. You must use TRASA certificate downloaded from dashboard.',
      };
    case 'AUTH_RESP_ENROL_DEVICE':
      return { kind: 'unfinished', says: 'You have no second factor enrolled. Ask your administrator to enrol you.' };
    case 'AUTH_RESP_RESET_PASS':
      return { kind: 'unfinished', says: 'You still have the password you were given. Change it at the TRASA server.' };
    default:
      return { kind: 'unavailable', detail: `success with the intent ${cleanText(intent, 60)}` };
  }
}
