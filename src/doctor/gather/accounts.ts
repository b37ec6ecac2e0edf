/** Whose logins are looked at: those that were asked for, else root and the people of passwd(5). */
import { createLookup, type LookUp } from '../../host/lookup.ts';
import { readText } from '../../system/read-text.ts';
import type { AccountFacts } from '../facts.ts';

/** More are not looked at unless they are named. */
export const maxAccounts = 50;
/** UID_MIN and UID_MAX of login.defs(5) on Debian and RHEL. */
const people = { from: 1_000, to: 60_000 };

export async function gatherAccounts(
  names: readonly string[],
  lookUp: LookUp = createLookup(),
): Promise<AccountFacts[]> {
  return await Promise.all(
    names.map(async name => {
      const seen = await lookUp(name, true);
      if (seen.kind !== 'found') return { name, user: undefined, groups: undefined };
      const { uid, shell } = seen.user;
      return { name, user: { uid, shell }, groups: seen.why === '' ? seen.groups : undefined };
    }),
  );
}

/** Root, and who has an ordinary uid and a shell that is one. */
export function usualAccounts(passwd = readText('/etc/passwd') ?? ''): string[] {
  const names = ['root'];
  for (const line of passwd.split('\n')) {
    const [name = '', , uid, , , , shell = ''] = line.split(':');
    const isPerson = Number(uid) >= people.from && Number(uid) <= people.to;
    if (isPerson && !/\/(nologin|false|sync)$/.test(shell)) names.push(name);
  }
  return [...new Set(names)];
}
