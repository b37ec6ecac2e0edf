import { editOfflineFile } from '../store/offline-file.ts';
import { withAccount } from './accounts.ts';

/** What is to be taken away. */
export interface Revocation {
  readonly totp: boolean;
  readonly codes: boolean;
}

/** Takes effect at once. A string says why nothing was revoked. */
export function revoke(directory: string, account: string, which: Revocation): string | undefined {
  let isThere = false;
  const fault = editOfflineFile(directory, accounts =>
    withAccount(accounts, account, ({ totp, codes }) => {
      isThere = (which.totp && totp !== undefined) || (which.codes && codes !== undefined);
      return {
        account,
        ...(!which.totp && totp !== undefined && { totp }),
        ...(!which.codes && codes !== undefined && { codes }),
      };
    }),
  );
  return fault ?? (isThere ? undefined : `${account} has nothing of that kind on this host`);
}
