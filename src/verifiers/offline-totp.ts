/** Codes of a credential that this host holds itself (RFC 6238). */
import type { Secret } from '../otp/secret.ts';
import { verifyTotp } from '../otp/totp.ts';
import type { OfflineCredentials, OfflineTotp } from '../store/offline-credentials.ts';

/** Checks a code and, if it is valid, uses it up: no step is accepted twice, nor an older one (RFC 6238 §5.2). */
export function useOfflineCode(
  totp: OfflineTotp,
  code: Secret,
  credentials: OfflineCredentials,
  now: number,
): 'valid' | 'invalid' | 'replayed' {
  const result = verifyTotp({ ...totp, code, now, window: { past: 1, future: 1 } });
  if (result.kind !== 'valid') return result.kind;
  return credentials.useStep(totp.id, result.step, now) ? 'valid' : 'replayed';
}
