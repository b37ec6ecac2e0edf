/** What the original proxy says in its dialogue, to the letter: people's scripts wait for these. */
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
export const noAccess = 'Cannot access this service';
export const serverDown = '\n\nThe SSH server is down';
export const checkingHostKey = 'Checking host key';
export const hostNotVerified = 'could not verify host';

export function serviceSelected(name: string, host: string): string {
  return `\n\nService selected: ${name} \nHostname: ${host}\n\n`;
}

interface Dialogue {
  readonly instruction: string;
  readonly questions: readonly Question[];
}
