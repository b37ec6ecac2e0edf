/** The lines of pam/samples on a private host, installed as their headers say, and the module where they look for it. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { modulePath } from './pam.ts';
import { Terminal } from './terminal.ts';

/** In the words of pam_unix and of ours. */
export const asksPassword = /[Pp]assword(?: for [\w-]+)?: $/;
export const asksCode = /Code, or Enter for push: $/;
/** After Enter: the push is out. */
export const asksWhilePushing = /press Enter, or type a code: $/;

/** Where the PAM of this host looks for modules that are named without a path. */
export function securityFolder(): string {
  const [found] = globSync('/usr/lib{,64}/{,*/}security/pam_unix.so');
  if (found === undefined) throw new Error('no pam_unix.so');
  return dirname(found);
}

/** Puts the module where `pam_trasa.so` is found, as `make install` does. */
export function installModule(): void {
  copyFileSync(modulePath, join(securityFolder(), 'pam_trasa.so'));
}

export type Distribution = 'debian' | 'rhel-9';

export function readSample(distribution: Distribution, service: string): string {
  return readFileSync(`/srv/pam/samples/${distribution}/${service}`, 'utf8');
}

/** Where RHEL 9's own files are kept, as far as they run with Debian's PAM. */
const rhel9 = '/srv/test/fixtures/pam.d/rhel-9';

/** A service's file as the distribution ships it. Debian's is this machine's: read it before another is installed. */
export function readShipped(distribution: Distribution, service: string): string {
  return readFileSync(join(distribution === 'debian' ? '/etc/pam.d' : rhel9, service), 'utf8');
}

/** Writes the files of RHEL 9 that its services include, and those that include them. */
export function installRhel9(): void {
  for (const file of ['system-auth', 'password-auth', 'postlogin', 'sudo-i', 'su-l'])
    copyFileSync(join(rhel9, file), join('/etc/pam.d', file));
}

/**
 * Writes /etc/pam.d/SERVICE: a sample's auth and account lines in the place of those in `shipped`, the distribution's
 * own file, whose session and password lines stay.
 */
export function installLines(service: string, sample: string, shipped: string): void {
  const kept = shipped.split('\n').filter(line => !isAuthOrAccount(line));
  writeFileSync(`/etc/pam.d/${service}`, `${sample}\n${kept.join('\n')}\n`);
}

/** The auth and account lines, without comments, a space between their words. */
export function linesOf(text: string): string[] {
  return text
    .split('\n')
    .filter(isAuthOrAccount)
    .map(line => line.trim().replace(/\s+/g, ' '));
}

function isAuthOrAccount(line: string): boolean {
  return /^\s*(?:-?(?:auth|account)\s|@include\s+common-(?:auth|account)\b)/.test(line);
}

export function setPasswords(passwords: Readonly<Record<string, string>>): void {
  const lines = Object.entries(passwords).map(([name, password]) => `${name}:${password}\n`);
  execFileSync('chpasswd', ['-c', 'SHA256'], { input: lines.join('') });
}

/** What `user` does at a terminal of this host. */
export function atTerminal(user: string, ...command: readonly string[]): Terminal {
  return new Terminal(['setpriv', `--reuid=${user}`, `--regid=${user}`, '--init-groups', ...command]);
}
