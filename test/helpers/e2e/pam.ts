/** PAM stacks of a private host, in its own /etc/pam.d, and an sshd that asks them. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { agent } from './private-host.ts';
import { type Sshd, type SshdOptions, startSshd } from './sshd.ts';
import { Terminal } from './terminal.ts';

/** What `make -C pam` makes, in the checkout; a private host has that at /srv too. */
const builtModule = 'pam/build/pam_trasa.so';
export const modulePath = `/srv/${builtModule}`;

/** One of the two doors behind PAM, and what a person meets there. */
export interface PamDoor {
  readonly door: 'pam-exec' | 'pam';
  /** Lines of the auth phase. */
  readonly auth: readonly string[];
  readonly account: readonly string[];
  /** Lines of the auth phase behind one that has checked the password; undefined: it takes no such lines. */
  readonly afterPassword: readonly string[] | undefined;
  /** What it asks. */
  readonly prompt: string;
  /** While a push waits, it asks again. */
  readonly asksWhilePushing: boolean;
}

export const hook: PamDoor = {
  door: 'pam-exec',
  auth: [`required pam_exec.so expose_authtok stdout quiet ${agent} pam`],
  account: [`required pam_exec.so stdout quiet ${agent} pam`],
  afterPassword: [`required pam_exec.so stdout quiet ${agent} pam --after-password`],
  prompt: 'Password: ',
  asksWhilePushing: false,
};

export const module: PamDoor = {
  door: 'pam',
  auth: [`required ${modulePath}`],
  account: [`required ${modulePath}`],
  afterPassword: undefined,
  prompt: 'Code, or Enter for push: ',
  asksWhilePushing: true,
};

export interface Stack {
  readonly auth?: readonly string[];
  readonly account?: readonly string[];
}

/** Writes /etc/pam.d/SERVICE: what is given, then what lets the rest pass. */
export function writeStack(service: string, { auth = [], account = [] }: Stack): void {
  const lines = [
    ...auth.map(line => `auth ${line}`),
    'auth required pam_permit.so', // so that pam_setcred(3) succeeds, which pam_exec ignores
    ...account.map(line => `account ${line}`),
    'account required pam_permit.so',
    'password required pam_deny.so',
    'session required pam_permit.so',
  ];
  writeFileSync(`/etc/pam.d/${service}`, `${lines.join('\n')}\n`);
}

/** Key first, then what PAM asks. */
export const keyThenPam = `AuthenticationMethods publickey,keyboard-interactive:pam
KbdInteractiveAuthentication yes
`;

/** An sshd that asks PAM and no ForceCommand, with `extraConfig` in front. */
export async function startPamSshd(options: Pick<SshdOptions, 'extraConfig'> = {}): Promise<Sshd> {
  return await startSshd({ usePam: true, forceCommand: '', ...options });
}

/** `ssh WORDS… user@target` at a terminal of the person's own, so that ssh can ask. */
export function sshAsking(sshd: Sshd, user: string, words: readonly string[] = [], flags: readonly string[] = []) {
  // At LogLevel ERROR ssh does not show what PAM tells.
  return new Terminal(['ssh', '-F', sshd.configFile, '-o', 'LogLevel=INFO', ...flags, `${user}@target`, ...words]);
}

/** Skips the file if the door is the module and it is not built. */
export function needsDoor(t: Pick<Test, 'plan'>, { door }: PamDoor): void {
  if (door === 'pam-exec' || existsSync(join(import.meta.dirname, '../../..', builtModule))) return;
  t.plan(0, `${builtModule} is missing: make -C pam`);
  process.exit();
}

/** Programs on this host that were started with all of `words`. */
export function processesWith(...words: readonly string[]): string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(pid => ({ pid, line: readCommandLine(pid) }))
    .filter(({ line }) => words.every(word => line.includes(word)))
    .map(({ pid, line }) => `${pid} ${line}`);
}

/** What a login leaves behind if it does not end: hooks, and sshd's processes before a session. */
export function waitingLogins(): string[] {
  return [...processesWith(agent, ' pam'), ...processesWith('sshd: ', '[')].filter(
    line => !line.includes('[listener]'),
  );
}

function readCommandLine(pid: string): string {
  try {
    return readFileSync(join('/proc', pid, 'cmdline'), 'utf8')
      .replaceAll('\0', ' ')
      .trimEnd();
  } catch {
    return '';
  }
}
