/** Break-glass on a private host: made by root's commands, as an administrator makes it. */
import { Secret } from '../../../src/otp/secret.ts';
import { totpAt } from '../../../src/otp/totp.ts';
import { command } from './agent.ts';

/** @returns what the account's authenticator for this host shows at a time (ms since 1970) */
export async function enrolOffline(account: string): Promise<(now: number) => string> {
  const made: unknown = JSON.parse(await command(['offline', 'enrol', account, '--json', '--no-confirm']));
  const secret = typeof made === 'object' && made !== null && 'secret' in made ? made.secret : undefined;
  if (typeof secret !== 'string') throw new Error('no secret');
  return now => codeOf(secret, now);
}

/** What an authenticator with this secret shows. */
export function codeOf(secret: string, now: number): string {
  return totpAt({ secret: new Secret(secret), algorithm: 'sha1', digits: 6, periodSeconds: 30 }, now).expose();
}

export async function recoveryCodes(account: string, count = 10): Promise<string[]> {
  return (await command(['offline', 'codes', account, '--count', String(count)])).trimEnd().split('\n');
}
