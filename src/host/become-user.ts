/** From root to another user, for good: real, effective and saved ids, and no group besides (credentials(7)). */
export function becomeUser({ uid, gid }: { readonly uid: number; readonly gid: number }): void {
  process.setgroups?.([gid]);
  process.setgid?.(gid);
  process.setuid?.(uid);
}
