/**
 * Root becomes another user for good: real, effective and saved ids, and no groups of root's. In this order: who is not
 * root any more can change no groups (setgroups(2)). Throws if any of it fails.
 */
export function becomeUser({ uid, gid }: { readonly uid: number; readonly gid: number }): void {
  process.setgroups?.([gid]);
  process.setgid?.(gid);
  process.setuid?.(uid);
}
