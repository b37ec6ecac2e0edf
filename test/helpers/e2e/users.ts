/** Accounts of a private host, as lines in its passwd(5), group(5) and shadow(5). */
import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

let nextID = 20_000;

export function addUser(user: {
  name: string;
  shell?: string;
  uid?: number;
  gid?: number;
  home?: string;
  groups?: readonly string[];
}): User {
  const uid = user.uid ?? nextID++;
  const { name, gid = uid, home = `/home/${name}`, shell = '/bin/bash' } = user;
  appendFileSync('/etc/passwd', `${name}:x:${uid}:${gid}::${home}:${shell}\n`);
  appendFileSync('/etc/shadow', `${name}:*:19000:0:99999:7:::\n`); // no password, and not locked ('!')
  if (gid === uid) addGroup(name, gid);
  for (const group of user.groups ?? []) joinGroup(name, group);
  cpSync('/etc/skel', home, { recursive: true });
  for (const entry of ['', ...readdirSync(home)]) chownSync(join(home, entry), uid, gid);
  chmodSync(home, 0o700);
  return { name, uid, gid, home, shell };
}

export function addGroup(name: string, gid = nextID++): void {
  appendFileSync('/etc/group', `${name}:x:${gid}:\n`);
}

/** Lets whoever holds `publicKey` (one line of a .pub file) log in as `user`. */
export function authorize(user: User, publicKey: string): void {
  const folder = join(user.home, '.ssh');
  mkdirSync(folder, { mode: 0o700, recursive: true });
  appendFileSync(join(folder, 'authorized_keys'), publicKey);
  for (const path of [folder, join(folder, 'authorized_keys')]) chownSync(path, user.uid, user.gid);
}

function joinGroup(name: string, group: string): void {
  const lines = readFileSync('/etc/group', 'utf8').trimEnd().split('\n');
  if (!lines.some(line => line.startsWith(`${group}:`))) lines.push(`${group}:x:${nextID++}:`);
  const joined = lines.map(line =>
    line.startsWith(`${group}:`) ? `${line}${line.endsWith(':') ? '' : ','}${name}` : line,
  );
  writeFileSync('/etc/group', `${joined.join('\n')}\n`);
}
