import type { OfflineAccount } from '../store/offline-file.ts';

/** The accounts with one of them changed; one that has nothing any more is left out. */
export function withAccount(
  accounts: readonly OfflineAccount[],
  account: string,
  change: (before: OfflineAccount) => OfflineAccount,
): readonly OfflineAccount[] {
  const before = accounts.find(one => one.account === account) ?? { account };
  const after = change(before);
  const others = accounts.filter(one => one.account !== account);
  const isEmpty = after.totp === undefined && after.codes === undefined;
  return [...others, ...(isEmpty ? [] : [after])].toSorted((a, b) => (a.account < b.account ? -1 : 1));
}

const dayMs = 24 * 3600 * 1000;

/** When it was made, and when it ends; ms since 1970. */
export function lifetime(now: number, days: number): { readonly madeAt: number; readonly expiresAt: number } {
  return { madeAt: now, expiresAt: now + days * dayMs };
}
