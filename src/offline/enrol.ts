import { randomUUID } from 'node:crypto';
import { fileExists } from '../host/private-file.ts';
import { confirmTotp } from '../otp/confirm.ts';
import { generateSecret, keyUri } from '../otp/key-uri.ts';
import type { Secret } from '../otp/secret.ts';
import type { TotpParameters } from '../otp/totp.ts';
import { type MasterKey, makeMasterKey, readMasterKey } from '../store/master-key.ts';
import { sealingKeyPath, totpPlace } from '../store/offline-credentials.ts';
import { editOfflineFile, readOfflineFile } from '../store/offline-file.ts';
import { sealUnder } from '../store/seal.ts';
import { lifetime, withAccount } from './accounts.ts';

export interface EnrolRequest {
  readonly account: string;
  readonly digits: TotpParameters['digits'];
  readonly days: number;
  /** What the authenticator shows above the code, beside the account. */
  readonly hostname: string;
  /** Keep the credential only if the person can type a code of it. */
  readonly confirm: boolean;
}

/** Whoever runs the command. */
export interface Operator {
  /** Shows the QR code and the secret. */
  offer(secret: Secret, uri: Secret): void;
  /** A code that the person reads from the authenticator; undefined: no more. */
  askCode(isRetry: boolean): Promise<Secret | undefined>;
}

/**
 * Makes an offline TOTP credential for an account, in the place of an earlier one.
 *
 * @returns when it expires, ms since 1970; or a string: why none was made
 */
export async function enrolOffline(
  directory: string,
  { account, digits, days, hostname, confirm }: EnrolRequest,
  operator: Operator,
  now: () => number,
): Promise<number | string> {
  const found = readOfflineFile(directory);
  if (found.kind === 'broken') return found.text;
  const key = sealingKey(directory);
  if (key.kind === 'broken') return key.text;

  const parameters = { algorithm: 'sha1', digits, periodSeconds: 30 } as const; // what every app knows
  const secret = generateSecret();
  const label = `${account}@${hostname}`;
  operator.offer(secret, keyUri({ ...parameters, secret, issuer: 'TRASA offline', label }));
  const step = confirm
    ? await confirmTotp({ ...parameters, secret }, async isRetry => await operator.askCode(isRetry), now)
    : -1;
  if (step === undefined) return 'no right code was typed; nothing is enrolled';

  const id = randomUUID();
  const sealed = sealUnder(key.key)
    .close(Buffer.from(secret.expose(), 'ascii'), totpPlace(account, id))
    .toString('base64');
  const life = lifetime(now(), days);
  const totp = { id, ...life, sealed, ...parameters, usedStep: step };
  const fault = editOfflineFile(directory, accounts => withAccount(accounts, account, before => ({ ...before, totp })));
  return fault ?? life.expiresAt;
}

/** Made when it is first needed. */
function sealingKey(directory: string): MasterKey {
  const path = sealingKeyPath(directory);
  try {
    return fileExists(path) ? readMasterKey(path) : makeMasterKey(path);
  } catch (error) {
    return { kind: 'broken', text: `${path}: ${error instanceof Error ? error.message : String(error)}` };
  }
}
