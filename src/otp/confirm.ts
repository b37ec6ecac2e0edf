import type { Secret } from './secret.ts';
import { type TimeStep, type TotpParameters, verifyTotp } from './totp.ts';

const maxTries = 3;

/**
 * Asks for a code of a credential that is being made, so that none is kept which the person cannot use.
 *
 * @param askCode a code that the person reads from the authenticator; undefined: no more
 * @returns the step of the code, which opens nothing any more; undefined if no right code was typed
 */
export async function confirmTotp(
  parameters: TotpParameters,
  askCode: (isRetry: boolean) => Promise<Secret | undefined>,
  now: () => number,
): Promise<TimeStep | undefined> {
  for (let attempt = 1; attempt <= maxTries; attempt += 1) {
    const code = await askCode(attempt > 1);
    if (code === undefined) return undefined;
    const result = verifyTotp({ ...parameters, code, now: now(), window: { past: 1, future: 1 } });
    if (result.kind === 'valid') return result.step;
  }
  return undefined;
}
