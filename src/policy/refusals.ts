/**
 * What each denial says and returns: one exhaustive table, so that a new reason cannot be forgotten.
 *
 * `says` is the one line a person reads (what happened, what to do). `exit` is the exit status of `trasa-agent login`
 * and `pam`, in the words of sysexits.h. `pam` is the code that the PAM module returns; never PAM_IGNORE
 * (CVE-2025-23013).
 */
import type { Denial, DenyReason } from './decision.ts';

/** Exit statuses, from sysexits.h but for the first; documented in trasa-agent(8). */
export const exitStatus = {
  failed: 1,
  usage: 64,
  unavailable: 69,
  software: 70,
  tryLater: 75,
  noPermission: 77,
  config: 78,
  interrupted: 130,
} as const;

export type PamCode =
  | 'PAM_SUCCESS'
  | 'PAM_AUTH_ERR'
  | 'PAM_MAXTRIES'
  | 'PAM_USER_UNKNOWN'
  | 'PAM_AUTHINFO_UNAVAIL'
  | 'PAM_SERVICE_ERR'
  | 'PAM_CONV_ERR'
  | 'PAM_ABORT'
  | 'PAM_PERM_DENIED'
  | 'PAM_SYSTEM_ERR';

export interface Refusal {
  readonly says: string;
  readonly exit: number;
  readonly pam: PamCode;
}

const { unavailable, software, tryLater, noPermission, config, interrupted } = exitStatus;

export const refusals: Readonly<Record<DenyReason, Refusal>> = {
  'wrong-code': {
    says: 'Wrong code. Check the clock of your device and try again.',
    exit: noPermission,
    pam: 'PAM_MAXTRIES',
  },
  'replayed-code': {
    says: 'That code was used already. Wait for the next one, or take another, and try again.',
    exit: noPermission,
    pam: 'PAM_MAXTRIES',
  },
  'not-a-code': {
    says: 'No valid code was typed. Type the digits that your authenticator shows, and nothing else.',
    exit: noPermission,
    pam: 'PAM_MAXTRIES',
  },
  'server-answers': {
    says: 'The TRASA server answers, so no recovery code counts; yours is not used up. Use a code or a push.',
    exit: noPermission,
    pam: 'PAM_MAXTRIES',
  },
  'push-refused': {
    says: 'The login was refused on your device. If that was not you, tell your administrator.',
    exit: noPermission,
    pam: 'PAM_MAXTRIES',
  },
  'push-unanswered': {
    says: 'Nobody answered the push in time. Try again, or use a code.',
    exit: noPermission,
    pam: 'PAM_MAXTRIES',
  },
  'push-cooling-down': {
    says: 'No push is sent for a while after a refusal. Use a code, or try again later.',
    exit: tryLater,
    pam: 'PAM_MAXTRIES',
  },
  'push-already-waiting': {
    says: 'Another login of yours on this host waits for approval. Answer that one first, or use a code.',
    exit: tryLater,
    pam: 'PAM_MAXTRIES',
  },
  throttled: {
    says: 'Too many wrong codes. Wait a while, then try again.',
    exit: tryLater,
    pam: 'PAM_MAXTRIES',
  },
  'not-enrolled': {
    says: 'You have no second factor enrolled. Ask your administrator to enrol you.',
    exit: noPermission,
    pam: 'PAM_AUTH_ERR',
  },
  'unknown-person': {
    says: 'The TRASA server does not know you by that TRASA ID. Ask your administrator.',
    exit: noPermission,
    pam: 'PAM_AUTH_ERR',
  },
  'person-disabled': {
    says: 'Your TRASA account is disabled. Ask your administrator.',
    exit: noPermission,
    pam: 'PAM_AUTH_ERR',
  },
  'server-policy': {
    says: 'The policy of the TRASA server does not let you in here now.',
    exit: noPermission,
    pam: 'PAM_PERM_DENIED',
  },
  'proxy-policy': {
    says: 'Policy not assigned: there is no such service, or it is not for you with this account. Ask your administrator.',
    exit: noPermission,
    pam: 'PAM_PERM_DENIED',
  },
  'not-approved': {
    says: 'No administrator has approved this login.',
    exit: noPermission,
    pam: 'PAM_PERM_DENIED',
  },
  'no-conversation': {
    says: 'This session cannot ask you for a code or your TRASA ID. Log in with a terminal (ssh -t).',
    exit: noPermission,
    pam: 'PAM_CONV_ERR',
  },
  cancelled: { says: 'Login cancelled.', exit: interrupted, pam: 'PAM_ABORT' },
  disconnected: { says: 'The connection ended before the login did.', exit: interrupted, pam: 'PAM_ABORT' },
  'timed-out': { says: 'The login took too long. Try again.', exit: noPermission, pam: 'PAM_ABORT' },
  'server-unavailable': {
    says: 'The TRASA server cannot be reached, and this host lets nobody in without it. Try again later.',
    exit: unavailable,
    pam: 'PAM_AUTHINFO_UNAVAIL',
  },
  'credentials-refused': {
    says: 'The TRASA server does not accept this host. Tell your administrator.',
    exit: config,
    pam: 'PAM_AUTHINFO_UNAVAIL',
  },
  'unknown-account': { says: 'Login denied.', exit: noPermission, pam: 'PAM_USER_UNKNOWN' },
  'account-lookup-failed': {
    says: 'This host cannot look up your account or its groups. Tell your administrator.',
    exit: unavailable,
    pam: 'PAM_AUTHINFO_UNAVAIL',
  },
  'not-your-account': {
    says: 'You may only ask for your own account.',
    exit: noPermission,
    pam: 'PAM_PERM_DENIED',
  },
  overloaded: {
    says: 'Too many logins are in progress on this host. Try again in a minute.',
    exit: tryLater,
    pam: 'PAM_AUTHINFO_UNAVAIL',
  },
  'shutting-down': {
    says: 'The agent on this host is restarting. Try again.',
    exit: tryLater,
    pam: 'PAM_AUTHINFO_UNAVAIL',
  },
  'state-unavailable': {
    says: 'The agent on this host cannot read or write its state. Tell your administrator.',
    exit: unavailable,
    pam: 'PAM_AUTHINFO_UNAVAIL',
  },
  'config-invalid': {
    says: "This host's two-factor configuration is missing or wrong. Tell your administrator.",
    exit: config,
    pam: 'PAM_SERVICE_ERR',
  },
  'protocol-error': {
    says: 'The agent was asked in a way that it does not understand. Tell your administrator.',
    exit: software,
    pam: 'PAM_SYSTEM_ERR',
  },
  'internal-error': {
    says: 'An internal error of the agent ended the login. Tell your administrator.',
    exit: software,
    pam: 'PAM_SYSTEM_ERR',
  },
};

/** The one line that a person reads. */
export function sentenceFor(denial: Denial): string {
  return denial.says ?? refusals[denial.reason].says;
}
