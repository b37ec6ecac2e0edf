import type { LoginAttempt } from '../auth/attempt.ts';
import { Trail } from '../auth/login.ts';
import type { PeerCredentials } from '../host/peer.ts';
import { type Decision, type Denial, type DenyReason, deny, isBreakGlass } from '../policy/decision.ts';
import type { ServeParts } from './service.ts';

/** A denial that authenticate() has not heard of. It denies whether or not it can be logged. */
export function early(denial: Denial, attempt: LoginAttempt, parts: ServeParts): Denial {
  if (!parts.limits.refusals.admits(attempt.askedBy)) return denial;
  try {
    parts.standing.audit.decision(new Trail(parts.clock).event(attempt, denial));
  } catch (error) {
    parts.log.error(`audit log: ${String(error)}`, { attempt: attempt.id });
  }
  return denial;
}

export function warnOverload(
  text: string,
  id: string,
  { uid }: PeerCredentials,
  { log, limits, admission }: ServeParts,
): void {
  const { callers, logins } = admission;
  if (limits.overloads.admits(uid)) log.warn(text, { attempt: id, uid, callers, logins });
}

/** Beside the audit line: whoever watches for warnings is to see such a login. */
export function warnOfBreakGlass(decision: Decision, { id, account }: LoginAttempt, { log }: ServeParts): void {
  if (!isBreakGlass(decision)) return;
  const { factor, detail } = decision;
  log.warn('BREAK-GLASS: an offline factor let somebody in, as no server could be asked', {
    attempt: id,
    account,
    factor,
    why: detail,
  });
}

/** Settles when nobody waits for the login any more, with the reason. */
export async function ended(signal: AbortSignal): Promise<Denial> {
  if (!signal.aborted)
    await new Promise(resolve => {
      signal.addEventListener('abort', resolve, { once: true });
    });
  return deny(endingOf(signal));
}

export function endingOf(signal: AbortSignal): DenyReason {
  const reason: unknown = signal.reason;
  const endings = ['cancelled', 'disconnected', 'timed-out', 'shutting-down', 'overloaded'] as const;
  return endings.find(known => known === reason) ?? 'internal-error';
}
