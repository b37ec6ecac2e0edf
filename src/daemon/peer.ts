import type { PeerCredentials } from '../host/peer.ts';
import { type Denial, deny } from '../policy/decision.ts';
import type { PeerDirectory } from './service.ts';

/**
 * May this peer (the kernel's word, SO_PEERCRED in unix(7)) ask for this account? Root may ask for any: that is PAM, and
 * root needs no leave of ours. Everybody else may ask for the account that they are, which under ForceCommand is the
 * account being entered, and by its own name only.
 *
 * @returns undefined if so. An account that does not exist is refused like any other that is not theirs.
 */
export async function authorisePeer(
  peer: PeerCredentials,
  account: string,
  directory: PeerDirectory,
  gone: AbortSignal,
): Promise<Denial | undefined> {
  if (peer.uid === 0) return undefined;
  const found = await directory.account(account, { uid: peer.uid, gone });
  switch (found.kind) {
    case 'found':
      return found.uid === peer.uid && found.name === account
        ? undefined
        : deny('not-your-account', `asked by uid ${peer.uid}`);
    case 'unknown':
      return deny('not-your-account', `asked by uid ${peer.uid}; there is no such account`);
    case 'unavailable':
      return deny('account-lookup-failed', found.detail);
  }
}
