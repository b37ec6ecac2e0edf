/** Two sshds that differ in nothing but the agent, and the same users on both: what a session is compared with. */
import { execFileSync } from 'node:child_process';
import { chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { type Daemon, startDaemon } from '../helpers/e2e/agent.ts';
import { type Sshd, startSshd } from '../helpers/e2e/sshd.ts';
import { addUser, authorize } from '../helpers/e2e/users.ts';

export const shells = ['bash', 'dash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

export interface Hosts {
  readonly plain: Sshd;
  /** The same, with the agent in front of it, as trasa-agent(8) recommends. */
  readonly guarded: Sshd;
  readonly daemon: Daemon;
}

/** The user of each shell is called `with-SHELL`, and needs no second factor. `extra` are lines for the configuration. */
export async function startHosts(t: Pick<Test, 'teardown'>, extra = ''): Promise<Hosts> {
  const common = 'ExposeAuthInfo yes\n';
  const plain = await startSshd({ forceCommand: '', usePam: true, extraConfig: common });
  const guarded = await startSshd({ usePam: true, extraConfig: `${common}SetEnv SHLVL=2\n` });
  // Unlike what Node would leave: it raises the soft limit of open files to the hard one.
  for (const { process } of [plain, guarded])
    execFileSync('prlimit', ['--pid', String(process.child.pid), '--nofile=1000:4000', '--core=0:unlimited']);
  for (const shell of shells) {
    const user = addUser({ name: `with-${shell}`, shell: `/usr/bin/${shell}`, groups: ['staff'] });
    for (const { publicKey } of [plain, guarded]) authorize(user, publicKey);
    writeFileSync(join(user.home, '.zshrc'), ''); // or zsh asks questions
    chownSync(join(user.home, '.zshrc'), user.uid, user.gid);
    // Of two fishes that start for the first time, one warns that it cannot make a directory, and tells its children.
    execFileSync(user.shell, ['-i', '-c', 'true'], {
      uid: user.uid,
      gid: user.gid,
      cwd: user.home,
      env: { HOME: user.home },
      stdio: 'ignore',
    });
  }
  const daemon = await startDaemon(`trasaServerURL = "https://127.0.0.1:9"
serviceID = "none"
serviceKey = "none"
[policy]
exemptUsers = [${shells.map(shell => `"with-${shell}"`).join(', ')}]
${extra}`);
  t.teardown(async () => await Promise.all([plain.stop(), guarded.stop(), daemon.stop()]));
  return { plain, guarded, daemon };
}
