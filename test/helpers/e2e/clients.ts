/**
 * ssh clients other than OpenSSH's. Each has a home of its own, so that it reads nothing of the machine's, knows sshd's
 * host key and takes no other, and has the user's key in the format that it reads.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprint, type Sshd } from './sshd.ts';

export type Command = readonly [string, ...string[]];

const host = '127.0.0.1';
const python = '/usr/bin/python3'; // Debian's, which has its paramiko
const paramikoClient = join(import.meta.dirname, 'paramiko-client.py');

export interface Clients {
  /** PuTTY without windows; `flags` as in `-batch`. */
  plink(user: string, words: readonly string[], flags?: readonly string[]): Command;
  /** Its copy program; the far side is `user@127.0.0.1:path`. */
  pscp(from: string, to: string): Command;
  /** Dropbear's client. */
  dbclient(user: string, words: readonly string[], flags?: readonly string[]): Command;
  /** See paramiko-client.py. */
  paramiko(user: string, words: readonly string[]): Command;
  /** curl, which reaches sftp by libssh2; `path` is below the user's home. */
  curl(user: string, path: string, flags: readonly string[]): Command;
  /** An ad hoc command of Ansible, over OpenSSH with what Ansible makes of it by itself: connections that persist. */
  ansible(user: string, words: readonly string[]): Command;
  /** Ends those connections. @returns how many there were */
  endAnsible(): number;
}

export function clientsFor(sshd: Sshd): Clients {
  const home = mkdtempSync('/root/clients-');
  const port = String(sshd.port);
  const key = sshd.privateKey;
  const hostKey = sshd.hostKey.split(' ', 2).join(' '); // without a comment: Dropbear would read it as more of the key
  const puttyKey = join(home, 'key.ppk');
  const dropbearKey = join(home, 'key.dropbear');
  run('puttygen', key, '-O', 'private', '-o', puttyKey, '--new-passphrase', '/dev/null');
  run('dropbearconvert', 'openssh', 'dropbear', key, dropbearKey);

  mkdirSync(join(home, '.ssh'));
  writeFileSync(join(home, '.ssh/known_hosts'), `${host} ${hostKey}\n`); // Dropbear's, which knows hosts, not ports
  writeFileSync(join(home, 'ansible.cfg'), '');
  const throughOurConfig = `-F ${sshd.configFile} -o LogLevel=INFO`; // which is ssh's own; at ERROR a refusal says nothing
  writeFileSync(
    join(home, 'inventory'),
    `target ansible_ssh_common_args="${throughOurConfig}" ansible_python_interpreter=${python}\n`,
  );

  const atHome = (...command: Command): Command => [
    'env',
    `HOME=${home}`,
    `ANSIBLE_CONFIG=${join(home, 'ansible.cfg')}`,
    ...command,
  ];
  const print = fingerprint(hostKey);
  const putty = ['-i', puttyKey, '-P', port, '-hostkey', print, '-noagent'];
  const curl = ['--disable', '--silent', '--show-error', '--hostpubsha256', print.replace('SHA256:', '')];

  return {
    plink: (user, words, flags = ['-batch']) =>
      atHome('plink', '-ssh', ...putty, ...flags, `${user}@${host}`, ...words),
    pscp: (from, to) => atHome('pscp', ...putty, '-batch', '-q', from, to),
    dbclient: (user, words, flags = []) =>
      atHome('dbclient', '-p', port, '-i', dropbearKey, ...flags, `${user}@${host}`, ...words),
    paramiko: (user, words) => atHome(python, paramikoClient, port, user, key, hostKey, ...words),
    curl(user, path, flags) {
      const url = `sftp://${host}:${port}/~/${path}`;
      return atHome('curl', ...curl, '--user', `${user}:`, '--key', key, '--pubkey', `${key}.pub`, ...flags, url);
    },
    ansible: (user, words) => atHome('ansible', '-i', join(home, 'inventory'), '-u', user, 'all', ...words),
    endAnsible() {
      const controls = readdirSync(join(home, '.ansible/cp'));
      for (const control of controls) run('ssh', '-S', join(home, '.ansible/cp', control), '-O', 'exit', 'target');
      return controls.length;
    },
  };
}

/** The reason why curl cannot be tried here; false if it can. Ubuntu's has libssh, which takes no --hostpubsha256. */
export function skipCurl(): string | false {
  return run('curl', '--version').includes('libssh2') ? false : 'curl has no libssh2 here';
}

function run(...[program, ...args]: Command): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
