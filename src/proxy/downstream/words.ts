/** What the original proxy says in its dialogue, to the letter: people's scripts wait for these. */
import type { EntryRefusal } from '../../policy/entry-rules.ts';
import type { Question } from '../messages/userauth.ts';

export const credentials = {
  instruction: 'Enter TRASA credentials',
  questions: [
    { text: '\n\rEnter Email (TRASA): ', echo: true },
    { text: '\n\rEnter Password (TRASA): ', echo: false },
  ],
} as const satisfies Dialogue;

export const chooseService = {
  instruction: 'Choose Service',
  questions: [{ text: `\n\r${'_'.repeat(85)}\n\rEnter Service IP : \n\r`, echo: true }],
} as const satisfies Dialogue;

export const secondFactor = 'Second factor authentication';
export const loginFailed = 'Login Failed';
export const invalidService = 'Invalid service name';
export const serverDown = '\n\nThe SSH server is down';
export const checkingHostKey = 'Checking host key';
export const hostNotVerified = 'could not verify host';

/** Undefined: the usual words for the reason, which are the same for what is not there and what is not for this person. */
export const policyFailed: Readonly<Record<EntryRefusal, string | undefined>> = {
  'not-assigned': undefined,
  expired: 'Policy check failed: POLICY_EXPIRED. Your access to this service has ended.',
  'foreign-address': 'Policy check failed: IP_POLICY_FAILED. You may not enter this service from your address.',
  'outside-hours': 'Policy check failed: TIME_POLICY_FAILED. You may not enter this service at this hour.',
};

export function serviceSelected(name: string, host: string): string {
  return `\n\nService selected: ${name} \nHostname: ${host}\n\n`;
}

/** Ours, for whoever does not know the name. */
export function serviceList(services: readonly { readonly name: string }[], more: number): string {
  const lines = services.map(({ name }, index) => `${String(index + 1).padStart(4)}  ${name}`);
  const rest = more === 0 ? [] : [`      and ${more} more: type a part of the name`];
  return `\n\n${[...lines, ...rest].join('\n')}\n`;
}

interface Dialogue {
  readonly instruction: string;
  readonly questions: readonly Question[];
}
