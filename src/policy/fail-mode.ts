import { type Decision, deny, failSafeCauses, type UnavailableCause } from './decision.ts';
import type { LoginPolicy } from './policy.ts';

/**
 * The only place that can turn "the server cannot answer" into entry, and only if the administrator asked for it.
 *
 * Three kinds of trouble, three policies: a server that is not there may be fail-safe; refused credentials, a broken
 * configuration and a broken state never are, nor is a TLS failure, which may be somebody in between. And where no other
 * factor stands before ours (`standsAlone`), to let in without ours would be to let in anybody.
 *
 * (A factor that was prepared on this host, and is checked while the server cannot answer, is a factor: it comes as an
 * Outcome of its own, and not this way.)
 */
export function decideUnavailable(
  policy: LoginPolicy,
  { account, standsAlone }: { readonly account: string; readonly standsAlone: boolean },
  cause: UnavailableCause,
  detail: string,
): Decision {
  if (cause === 'configuration') return deny('config-invalid', detail);
  if (cause === 'credentials') return deny('credentials-refused', detail);
  if (cause === 'state') return deny('state-unavailable', detail);

  const why = `${cause}: ${detail}`;
  const reachability = failSafeCauses.find(known => known === cause);
  if (reachability !== undefined && !standsAlone) {
    if (policy.offlineUsers.includes(account)) return { kind: 'bypass', rule: 'offline-user', detail: why };
    if (policy.failMode === 'safe' && policy.failSafeOn.includes(reachability))
      return { kind: 'bypass', rule: 'fail-safe', detail: why };
  }
  return deny('server-unavailable', standsAlone ? `${why}; no first factor stands before this one` : why);
}
