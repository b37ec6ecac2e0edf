/** The facts of a login under pam_exec, from its PAM items. Pure. */
import { cleanText } from '../protocol/clean.ts';
import { type AttemptMessage, maxFact, protocolVersion } from '../protocol/messages.ts';
import type { PamItems } from './items.ts';

export type Phase = 'auth' | 'account';

export interface Circumstances {
  readonly phase: Phase;
  /** Has a line above checked the password? */
  readonly afterPassword: boolean;
  /** Is the account to be entered root's? Only asked of su. */
  readonly entersRoot: boolean;
  /** The command line of the program that asks PAM; undefined if it cannot be read. */
  readonly program: string | undefined;
}

/** Longest SSH_AUTH_INFO_0, in bytes. Without it a push needs another proof of a first factor. */
const maxAuthInfo = 4096;

/** @returns undefined if it cannot be told who is asked */
export function attemptFrom(items: PamItems, circumstances: Circumstances): AttemptMessage | undefined {
  const { service, user, rhost, ruser, tty, connection, authInfo } = items;
  const { phase, afterPassword } = circumstances;
  // Root is nobody in particular, and its password is often known to several: su(1) to root asks its caller.
  const account = isSu(service) && circumstances.entersRoot ? ruser : user;
  if (account === undefined) return undefined;
  const command = commandOf(items, account, circumstances.program);
  return {
    kind: 'attempt',
    version: protocolVersion,
    door: 'pam-exec',
    service,
    account,
    phase,
    ...(rhost !== undefined && { rhost }),
    ...(ruser !== undefined && { ruser }),
    ...(tty !== undefined && tty !== noTerminalYet && { tty }),
    ...(connection !== undefined && { connection }),
    ...(authInfo !== undefined && Buffer.byteLength(authInfo) <= maxAuthInfo && { authinfo: authInfo }),
    ...(command !== undefined && { command }),
    ...(afterPassword && { first: 'password' }),
    // In the account phase pam_exec has nothing that was typed.
    interactive: phase === 'auth',
    once: true,
  };
}

export function isSu(service: string): boolean {
  return service === 'su' || service === 'su-l';
}

function isSudo(service: string): boolean {
  return service === 'sudo' || service === 'sudo-i';
}

/**
 * The words that sudo or su were started with. Untrusted, only to be shown and logged: they are the caller's. If another
 * account than the one asked is entered, that is said first, where no word can pretend it.
 */
function commandOf({ service, user }: PamItems, account: string, program: string | undefined): string | undefined {
  if (program === undefined || !(isSu(service) || isSudo(service))) return undefined;
  return cleanText(isSu(service) && user !== account ? `as ${user}: ${program}` : program, maxFact);
}

/** What sshd puts into PAM_TTY while there is none (auth-pam.c). */
const noTerminalYet = 'ssh';
