/** The accounts that sshd is asked about: those who are meant, and those who could be locked out. */
import { readFileSync } from 'node:fs';
import { createLookup } from '../host/lookup.ts';
import { runProgram } from '../system/run-program.ts';
import { type Trouble, trouble } from './host.ts';
import type { Scope } from './wishes.ts';

export interface Account {
  readonly name: string;
  readonly groups: readonly string[];
}

/**
 * The named ones, the members of the named groups, root, accounts of people in passwd(5), and `also` these if they are there;
 * those that a directory service adds are asked about only if they are named, since it may have a hundred thousand.
 *
 * `unknown`: who is named, and is not there. A group that is misspelt would mean nobody.
 */
export async function accountsToVerify(
  { users, groups }: Scope,
  also: readonly string[],
): Promise<{ readonly accounts: readonly Account[]; readonly unknown: readonly Trouble[] }> {
  const unknown: Trouble[] = [];
  const members: string[] = [];
  for (const group of groups) {
    const found = await membersOf(group);
    if (found === undefined) unknown.push(trouble(`this host knows no group ${group}`));
    else members.push(...found.slice(0, maxMembers));
  }
  const names = new Set([...users, ...members, 'root', ...also, ...localPeople()]);
  const lookUp = createLookup();
  const accounts: Account[] = [];
  for (const name of names) {
    const found = await lookUp(name, true);
    if (found.kind === 'found') accounts.push({ name: found.user.name, groups: found.groups });
    else if (users.includes(name)) unknown.push(trouble(`this host knows no user ${name}`));
  }
  return { accounts, unknown };
}

/** Of Debian's adduser.conf(5). */
const firstPerson = 1000;
const nobody = 65_534;
const maxMembers = 100;
const maxLocal = 100;

/** Those whose primary group it is are not in the list: local ones are asked about anyway. */
async function membersOf(group: string): Promise<string[] | undefined> {
  const ran = await runProgram('/usr/bin/getent', ['group', group]);
  if (ran.kind === 'failed' || ran.status !== 0) return undefined;
  const [, , , list = ''] = ran.stdout.trim().split(':');
  return list.split(',').filter(name => name !== '');
}

function localPeople(): string[] {
  const people = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .flatMap(line => {
      const [name = '', , uid, , , , shell = ''] = line.split(':');
      const isPerson = Number(uid) >= firstPerson && Number(uid) < nobody && !/\/(nologin|false)$/.test(shell);
      return isPerson ? [name] : [];
    });
  return people.slice(0, maxLocal);
}
