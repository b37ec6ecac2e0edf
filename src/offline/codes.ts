import { randomBytes, randomUUID } from 'node:crypto';
import { makeRecoveryCode, recoveryCodeBytes } from '../otp/recovery-code.ts';
import type { Secret } from '../otp/secret.ts';
import { editOfflineFile } from '../store/offline-file.ts';
import { hashCodes } from '../verifiers/recovery-code.ts';
import { lifetime, withAccount } from './accounts.ts';

/**
 * Makes recovery codes for an account, in the place of all earlier ones.
 *
 * @returns the codes, which nobody can show again; or a string: why none were made
 */
export async function makeCodes(
  directory: string,
  { account, count, days }: { readonly account: string; readonly count: number; readonly days: number },
  now: number,
): Promise<readonly Secret[] | string> {
  const made = Array.from({ length: count }, newCode);
  const codes = { id: randomUUID(), ...lifetime(now, days), ...(await hashCodes(made)) };
  const fault = editOfflineFile(directory, accounts =>
    withAccount(accounts, account, before => ({ ...before, codes })),
  );
  return fault ?? made;
}

function newCode(): Secret {
  for (;;) {
    const code = makeRecoveryCode(randomBytes(recoveryCodeBytes));
    if (code !== undefined) return code;
  }
}
