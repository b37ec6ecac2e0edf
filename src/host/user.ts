import { userInfo } from 'node:os';
import { createLookup, type LookUp, type UserRecord } from './lookup.ts';

/**
 * The account that this process runs as. Several names may share a uid (root and toor): the one that sshd logged in
 * is in LOGNAME, and is believed if its uid is ours.
 * Undefined if the account has vanished or the directory does not answer.
 */
export async function currentUser(
  logname: string | undefined,
  lookUp: LookUp = createLookup(),
): Promise<UserRecord | undefined> {
  const uid = process.getuid?.();
  const named = logname === undefined ? undefined : await lookUp(logname, false);
  if (named?.kind === 'found' && named.user.uid === uid) return named.user;
  if (named?.kind === 'unavailable') return undefined;
  try {
    const { username: name, homedir: home, shell, ...ids } = userInfo();
    return { name, home, shell: shell ?? '', uid: ids.uid, gid: ids.gid };
  } catch {
    return undefined; // no entry for this uid
  }
}
