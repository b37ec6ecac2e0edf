/** The accounts that sshd is asked about: those who are meant, and those who could be locked out. */
import { readFileSync } from 'node:fs';
import { createLookup } from '../host/lookup.ts';
import type { Scope } from './wishes.ts';

export interface Account {
  readonly name: string;
  readonly groups: readonly string[];
}

/**
 * The named ones, the members of the named groups, root, whoever called sudo(8), and accounts of people in passwd(5);
 * those that a directory service adds are asked about only if they are named, since it may have a hundred thousand.
 *
 * @returns `unknown`: named ones that the host does not know
 */
export async function accountsToVerify(
  { users, groups }: Scope,
  caller: string | undefined,
): Promise<{ readonly accounts: readonly Account[]; readonly unknown: readonly string[] }> {
  const local = lines('/etc/passwd').flatMap(([name = '', , uid, , , , shell = '']) =>
    Number(uid) >= firstPerson && Number(uid) < nobody && !/\/(nologin|false)$/.test(shell) ? [name] : [],
  );
  const members = lines('/etc/group').flatMap(([group = '', , , list = '']) =>
    groups.includes(group) ? list.split(',').filter(name => name !== '') : [],
  );
  const names = new Set([
    ...users,
    ...members,
    'root',
    ...(caller === undefined ? [] : [caller]),
    ...local.slice(0, maxLocal),
  ]);
  const lookUp = createLookup();
  const accounts: Account[] = [];
  const unknown: string[] = [];
  for (const name of names) {
    const found = await lookUp(name, true);
    if (found.kind === 'found') accounts.push({ name: found.user.name, groups: found.groups });
    else if (users.includes(name)) unknown.push(name);
  }
  return { accounts, unknown };
}

/** Of Debian's adduser.conf(5). */
const firstPerson = 1000;
const nobody = 65_534;
const maxLocal = 100;

function lines(file: string): string[][] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .map(line => line.split(':'));
  } catch {
    return [];
  }
}
