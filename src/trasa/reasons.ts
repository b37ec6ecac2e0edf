import { failSafeCauses, type Outcome, type ServerFactor } from '../policy/decision.ts';
import { cleanText } from '../protocol/clean.ts';
import type { Unavailable } from './delivery.ts';
import type { Envelope } from './envelope.ts';

/** The server holds a push for 60 s: a failure after this long means that nobody answered. */
const unansweredAfterMs = 55_000;
/** A server in trouble says so sooner. */
const longerThanTroubleMs = 5_000;

/**
 * What the server's verdict means.
 *
 * A `failed` never becomes an `unavailable` that a fail-safe host would let in: the server is there, and said no.
 *
 * @param elapsedMs from the request to the answer
 */
export function outcomeOf(envelope: Envelope, factor: ServerFactor, elapsedMs: number): Outcome {
  const { status, reason } = envelope;
  if (status === 'success') return success(reason);
  const meaning = meanings.get(reason.toLowerCase()) ?? { kind: 'policy' };
  switch (meaning.kind) {
    case 'wrong-code':
      if (factor !== 'totp') return policyRefusal(reason);
      return envelope.code === 'replayed' ? { kind: 'replayed' } : { kind: 'invalid' };
    case 'push-failed':
      return factor === 'push' ? failedPush(envelope, elapsedMs) : { kind: 'invalid' };
    case 'not-enrolled':
      return { kind: 'not-enrolled' };
    case 'unknown-person':
    case 'person-disabled':
      return { kind: 'refused', reason: meaning.kind, detail: clean(reason) };
    case 'policy':
      return policyRefusal(reason);
    case 'our-credentials':
      return { kind: 'unavailable', cause: 'credentials', detail: clean(reason) };
    case 'our-request':
      return { kind: 'unavailable', cause: 'refused', detail: clean(reason) };
  }
}

/**
 * What it means that there was no verdict.
 *
 * A push that nobody answers can end in many ways: at our deadline, as a 504 of something in front of the server, in a
 * firewall's reset. Whoever asked for the push could wait for that; so it is not "the server is not there", which a
 * fail-safe host would let in.
 */
export function outcomeWithout(verdict: Unavailable, factor: ServerFactor): Outcome {
  const { kind, cause, detail, elapsedMs } = verdict;
  const waited = elapsedMs !== undefined && (cause === 'timeout' || elapsedMs >= longerThanTroubleMs);
  const excusable = (failSafeCauses as readonly string[]).includes(cause);
  if (factor === 'push' && waited && excusable) return { kind: 'unanswered' };
  return { kind, cause, detail };
}

/** A sentence for the person about a refusal with this detail (or reason); undefined if none says more than the reason. */
export function sentenceFor(detail: string): string | undefined {
  const meaning = meanings.get(detail.toLowerCase());
  return meaning?.kind === 'policy' ? meaning.says : undefined;
}

/** TRASA gives no reason with a success, but for passthru. Any other is an answer to a question that we did not ask. */
function success(reason: string): Outcome {
  if (reason === '') return { kind: 'valid' };
  if (reason === 'passthru authentication') return { kind: 'not-required' };
  return { kind: 'unavailable', cause: 'bad-answer', detail: `success with the reason: ${clean(reason)}` };
}

/** TRASA v1.1 has one word for "no" and "nobody"; there, time tells. */
function failedPush(envelope: Envelope, elapsedMs: number): Outcome {
  if (envelope.push === 'refused') return { kind: 'denied-by-person' };
  if (envelope.push === 'expired' || envelope.push === 'cancelled') return { kind: 'unanswered' };
  return elapsedMs < unansweredAfterMs ? { kind: 'denied-by-person' } : { kind: 'unanswered' };
}

/** A reason that we have no sentence for is shown as it is, but for control characters and length. */
function policyRefusal(reason: string): Outcome {
  const refusal = { kind: 'refused', reason: 'server-policy', detail: clean(reason) } as const;
  if (reason === '') return refusal;
  return { ...refusal, says: sentenceFor(reason) ?? `The TRASA server refuses: ${clean(reason)}` };
}

function clean(reason: string): string {
  const text = cleanText(reason, 120);
  return text === '' ? 'no reason given' : text;
}

type Meaning =
  | {
      readonly kind:
        | 'wrong-code'
        | 'push-failed'
        | 'not-enrolled'
        | 'unknown-person'
        | 'person-disabled'
        | 'our-credentials' // serviceID or serviceKey
        | 'our-request'; // the server cannot read what we send
    }
  | { readonly kind: 'policy'; readonly says?: string };

const policy = (says?: string): Meaning => (says === undefined ? { kind: 'policy' } : { kind: 'policy', says });

/**
 * Every reason of TRASA v1.1, codes and free text, in lower case (the server itself is not strict about it). A reason
 * that is not here is a refusal by policy.
 */
const meanings: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ['invalid_totp', { kind: 'wrong-code' }],
  ['totp failed', { kind: 'wrong-code' }],
  ['u2f_failed', { kind: 'push-failed' }],
  ['device_not_found', { kind: 'not-enrolled' }],

  ['user not found', { kind: 'unknown-person' }],
  ['user_not_found', { kind: 'unknown-person' }],
  ['user disabled', { kind: 'person-disabled' }],
  ['user_disabled', { kind: 'person-disabled' }],

  ['invalid service integration details', { kind: 'our-credentials' }],
  ['invalid service id', { kind: 'our-credentials' }],
  ['invalid service secret or id', { kind: 'our-credentials' }],
  ['invalid_service_creds', { kind: 'our-credentials' }],
  ['invalid_service_id', { kind: 'our-credentials' }],
  ['reason_invalid_service_hostname', { kind: 'our-credentials' }],
  ['invalid request', { kind: 'our-request' }],
  ['reason_malformed_request_received', { kind: 'our-request' }],

  ['policy not assigned', policy('No policy of the server lets you into this account here. Ask your administrator.')],
  ['no_policy_assigned', policy('No policy of the server lets you into this account here. Ask your administrator.')],
  ['invalid_privilege', policy("The server's policy does not give you this account. Ask your administrator.")],
  ['ip_policy_failed', policy("The server's policy does not allow logins from your address.")],
  ['country_policy_failed', policy("The server's policy does not allow logins from your country.")],
  ['time_policy_failed', policy("The server's policy does not allow logins at this day or hour.")],
  ['policy_expired', policy('Your permission to log in here has expired. Ask your administrator.')],
  ['adhoc_policy_failed', policy('You have no approved access request for this host at this time.')],
  ['device_policy_failed', policy("Your device does not meet the server's policy. Ask your administrator.")],
  [
    'password_policy_failed',
    policy("Your TRASA password does not meet the server's policy. Change it, then try again."),
  ],
  ['file_transfer_not_allowed', policy("The server's policy does not allow you to transfer files.")],
  ['org_not_found', policy('The server does not know your organisation. Tell your administrator.')],
  ['invalid_org_id', policy('The server does not know your organisation. Tell your administrator.')],
  ['unknown', policy('The TRASA server had a problem of its own. Try again, or tell your administrator.')],
  ['trasa_error', policy('The TRASA server had a problem of its own. Try again, or tell your administrator.')],

  // Of other endpoints and methods; here they can only be misunderstandings, and deny as such.
  ['invalid_user_creds', policy()],
  ['invalid username or password', policy()],
  ['invalid_public_key', policy()],
  ['invalid_certificate', policy()],
  ['identity_provider_not_found', policy()],
  ['invalid_token', policy()],
  ['invalid token', policy()],
  ['spoofed_login', policy()],
  ['u2fy_failed', policy()],
  ['ldap_auth_failed', policy()],
  ['host_not_reachable', policy()],
  ['dynamic_service_failed', policy()],
  ['invalid_host_key', policy()],
  ['failed_to_generate_token', policy()],
]);
