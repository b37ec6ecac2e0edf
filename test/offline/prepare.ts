/** Prepared factors in a directory of their own, made as the commands make them. */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { makeCodes } from '../../src/offline/codes.ts';
import { type EnrolRequest, enrolOffline } from '../../src/offline/enrol.ts';
import type { Secret } from '../../src/otp/secret.ts';
import { totpAt } from '../../src/otp/totp.ts';
import { tempDirectory } from '../daemon/temp-directory.ts';

export const noon = Date.UTC(2026, 0, 5, 12);
export const dayMs = 24 * 3600 * 1000;

export function stateDirectory(t: Test): string {
  const directory = join(tempDirectory(t), 'state');
  mkdirSync(directory, { mode: 0o700 });
  return directory;
}

/** Enrols an account unseen. @returns what its authenticator shows at a time */
export async function enrol(directory: string, changes: Partial<EnrolRequest> = {}): Promise<(now: number) => Secret> {
  let made: Secret | undefined;
  const request = { account: 'alice', digits: 6, days: 90, hostname: 'host-1', confirm: false, ...changes } as const;
  const operator = { offer: (secret: Secret) => void (made = secret), askCode: async () => undefined };
  const enrolled = await enrolOffline(directory, request, operator, () => noon);
  if (typeof enrolled === 'string' || made === undefined) throw new Error(String(enrolled));
  const secret = made;
  return now => totpAt({ secret, algorithm: 'sha1', digits: request.digits, periodSeconds: 30 }, now);
}

export async function codes(directory: string, count = 3, account = 'alice'): Promise<readonly Secret[]> {
  const made = await makeCodes(directory, { account, count, days: 90 }, noon);
  if (typeof made === 'string') throw new Error(made);
  return made;
}
