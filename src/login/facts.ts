/** The facts of a login under ForceCommand, as sshd left them in the environment. Pure. */
import { isIP } from 'node:net';
import { cleanText } from '../protocol/clean.ts';
import { type AttemptMessage, maxFact, protocolVersion } from '../protocol/messages.ts';

export interface Surroundings {
  /** sshd sets SSH_* last (session.c, do_setup_env), so a client cannot fake them; the user's start-up files can. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly account: string;
  /** Path of the terminal on descriptor 0; undefined if there is none. */
  readonly terminal: string | undefined;
  /** Can the person be asked? */
  readonly interactive: boolean;
  /** From {@link readVerifiedKey}. */
  readonly keyFingerprint: string | undefined;
}

export function attemptFrom(surroundings: Surroundings): AttemptMessage {
  const { env, account, terminal, interactive, keyFingerprint } = surroundings;
  const rhost = clientAddress(env['SSH_CONNECTION']);
  // untrusted: the client's words. Shown and logged like this; executed as they came.
  const command = env['SSH_ORIGINAL_COMMAND'];
  return {
    kind: 'attempt',
    version: protocolVersion,
    door: 'login',
    service: 'sshd',
    account,
    ...(rhost !== undefined && { rhost }),
    ...(terminal !== undefined && { tty: terminal }),
    ...(command !== undefined && { command: cleanText(command, maxFact) }),
    ...(keyFingerprint !== undefined && { key: keyFingerprint }),
    interactive,
  };
}

/** `SSH_CONNECTION=client-address client-port server-address server-port` (ssh(1)). Absent rather than wrong. */
export function clientAddress(connection: string | undefined): string | undefined {
  const address = /^(\S{1,64}) /.exec(connection ?? '')?.[1];
  return address !== undefined && isIP(address) !== 0 ? address : undefined;
}
