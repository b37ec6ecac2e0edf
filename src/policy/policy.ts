import type { BypassRule, FailSafeCause } from './decision.ts';

/** The `[policy]` part of the configuration. Durations in milliseconds. */
export interface LoginPolicy {
  readonly requiredUsers: readonly string[];
  readonly requiredGroups: readonly string[];
  readonly exemptUsers: readonly string[];
  readonly exemptGroups: readonly string[];
  /** Answers per login that may be wrong, malformed or an unanswered push. */
  readonly attempts: number;
  /** Send a push at once instead of asking for a code first. */
  readonly autopush: boolean;
  /** Digits of a code; anything else that is typed is never sent anywhere. */
  readonly codeDigits: number;
  /** How long a used code stays used. */
  readonly replayMemoryMs: number;
  /** No push for this long after the person refused one. */
  readonly pushCooldownMs: number;
  /** 0: every login asks. */
  readonly graceMs: number;
  /** Tried out only: whoever has proved a first factor comes in, and the log has what would have happened. */
  readonly observe: boolean;
  readonly failMode: 'secure' | 'safe';
  readonly failSafeOn: readonly FailSafeCause[];
  /** The original's accounts that enter without any factor while the server is unreachable. */
  readonly offlineUsers: readonly string[];
}

export type Requirement =
  | { readonly kind: 'required' }
  | { readonly kind: 'bypass'; readonly rule: BypassRule; readonly detail: string }
  /** A group rule stands in the configuration, and the groups could not be looked up. */
  | { readonly kind: 'undecidable' };

/**
 * Does this account need a second factor? The first rule that speaks wins: users before groups, *required* before
 * *exempt*; whoever no rule names needs one, unless required users or groups are listed.
 *
 * @param groups names of the primary and supplementary groups; undefined if the look-up failed
 */
export function requirementOf(
  policy: LoginPolicy,
  account: string,
  groups: readonly string[] | undefined,
): Requirement {
  if (policy.requiredUsers.includes(account)) return { kind: 'required' };
  if (policy.exemptUsers.includes(account)) return { kind: 'bypass', rule: 'exempt-user', detail: account };

  const groupRules = policy.requiredGroups.length + policy.exemptGroups.length;
  if (groupRules > 0) {
    if (groups === undefined) return { kind: 'undecidable' };
    if (policy.requiredGroups.some(group => groups.includes(group))) return { kind: 'required' };
    const exempting = policy.exemptGroups.find(group => groups.includes(group));
    if (exempting !== undefined) return { kind: 'bypass', rule: 'exempt-group', detail: exempting };
  }

  const someAreListed = policy.requiredUsers.length + policy.requiredGroups.length > 0;
  return someAreListed
    ? { kind: 'bypass', rule: 'not-required', detail: 'not among the required users and groups' }
    : { kind: 'required' };
}
