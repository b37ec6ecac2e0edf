/**
 * DESIGN rule 7: after `login` the session is indistinguishable from one that sshd started. The same probe runs through
 * two sshds that differ in the agent only, for every shell, with and without a terminal, for a command and for a login
 * shell; every fact that it finds must be the same.
 */
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { ssh, sshTerminal } from '../helpers/e2e/ssh.ts';
import type { Sshd } from '../helpers/e2e/sshd.ts';
import { type Shell, shells, startHosts } from './session-hosts.ts';

privateHost(t);

const probe = '/usr/lib/session-probe.sh';
copyFileSync(join(import.meta.dirname, 'session-probe.sh'), probe);
const { plain, guarded } = await startHosts(t);

/** What a shell says of itself, in its own language. */
const ownWords = (shell: Shell): string =>
  shell === 'fish'
    ? 'echo login (status is-login; echo $status) interactive (status is-interactive; echo $status) SHLVL $SHLVL'
    : 'echo "flags $- name $0 SHLVL $SHLVL umask $(umask)"';

/** The facts go into a file, so that nothing depends on what a terminal shows. */
const script = (shell: Shell, file: string): string => `sh ${probe} >${file}; ${ownWords(shell)} >>${file}; exit 7`;

type Session = (sshd: Sshd, user: string, script: string) => Promise<number | null>;
const kinds: Readonly<Record<string, Session>> = {
  'a command without a terminal': async (sshd, user, text) => (await ssh(sshd, user, [text])).status,
  'a command with a terminal': async (sshd, user, text) => (await sshTerminal(sshd, user, [text]).ended()).exitCode,
  'a login shell without a terminal': async (sshd, user, text) =>
    (await ssh(sshd, user, [], { input: `${text}\n` })).status,
  'a login shell with a terminal': async (sshd, user, text) => {
    const terminal = sshTerminal(sshd, user);
    await terminal.expect(/[$%>]/);
    terminal.send(`${text}\r`);
    return (await terminal.ended()).exitCode;
  },
};

for (const shell of shells)
  for (const [kind, session] of Object.entries(kinds))
    t.test(`${shell}, ${kind}: nothing tells that the agent was there`, async t => {
      const facts = async (sshd: Sshd, file: string) => {
        const status = await session(sshd, `with-${shell}`, script(shell, file));
        const path = `/home/with-${shell}/${file}`;
        return { status, lines: existsSync(path) ? comparable(readFileSync(path, 'utf8'), shell) : '' };
      };
      const name = kind.replaceAll(' ', '-');
      const [without, withAgent] = await Promise.all([facts(plain, `${name}-1`), facts(guarded, `${name}-2`)]);
      t.equal(without.status, 7);
      t.equal(withAgent.status, 7);
      t.match(without.lines, /^end$/m, 'the probe ran to its end');
      t.match(without.lines, /^started-with SSH_USER_AUTH=/m);
      t.match(without.lines, /^limit Max open files +1000 +4000/m);
      t.equal(withAgent.lines, without.lines);
    });

/** Without what differs between any two sessions. */
function comparable(text: string, shell: Shell): string {
  const lines = text
    .replace(/SSH_(CLIENT|CONNECTION)=.*/g, 'SSH_$1=…')
    .replace(/sshauth\.\w+/g, 'sshauth.…')
    .replace(/pts\/\d+/g, 'pts/…')
    .replace(/-terminal-[12]/g, '');
  // sshd has the user's shell run the forced command. fish passes on a locale that it has chosen for want of one,
  // to the agent as to everybody; the fish that follows would choose the same.
  return shell === 'fish' ? lines.replace(/^started-with LC_CTYPE=.*\n/m, '') : lines;
}
