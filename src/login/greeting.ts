/**
 * What sshd and pam_motd(8) would have shown before a login shell. Under a forced command sshd is quiet (session.c,
 * check_quietlogin), so the agent shows it instead, if `motd = true`.
 */
import { closeSync, constants, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { lastLoginLine } from './last-login.ts';

export interface GreetingFiles {
  /** Each line of names: the first that exists is shown. In the order of Debian's /etc/pam.d/sshd. */
  readonly messages: readonly (readonly string[])[];
  readonly wtmp: string;
}

const systemFiles: GreetingFiles = {
  messages: [['/run/motd.dynamic'], ['/etc/motd', '/run/motd', '/usr/lib/motd']],
  wtmp: '/var/log/wtmp',
};

/** pam_motd(8) shows no more either. */
const maxBytes = 65_536;

/** The whole text, line ends included; empty if there is nothing to show, or `~/.hushlogin` (login(1)) forbids it. */
export function greeting(account: string, home: string, terminal: string, files = systemFiles): string {
  if (existsSync(join(home, '.hushlogin'))) return '';
  const messages = files.messages.map(names => names.map(readMessage).find(text => text !== undefined) ?? '');
  const last = lastLoginLine(files.wtmp, account, terminal);
  return messages.join('') + (last === undefined ? '' : `${last}\n`);
}

function readMessage(path: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!fstatSync(fd).isFile()) return undefined;
    const buffer = Buffer.alloc(maxBytes);
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, maxBytes, 0));
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
