/** `trasa-agent pam`, the command of a pam_exec(8) line: asks the daemon, and ends with 0 if the daemon says so. */
import { readFileSync } from 'node:fs';
import { isHungUp } from '../host/hang-up.ts';
import { createLookup } from '../host/lookup.ts';
import { native } from '../host/native.ts';
import { replaceStandardError, writeAll } from '../host/say.ts';
import { exitStatus } from '../policy/refusals.ts';
import { cleanText } from '../protocol/clean.ts';
import { askDaemon } from '../relay/ask-daemon.ts';
import { parseArguments, usage } from './arguments.ts';
import { watchConnection } from './client-connection.ts';
import { conclude } from './conclude.ts';
import { HookConversation } from './conversation.ts';
import { attemptFrom, isSu, type Phase } from './facts.ts';
import { type PamItems, readItems } from './items.ts';
import { watchPresence } from './presence.ts';
import { tell } from './tell.ts';
import { readAnswer } from './token.ts';

/** The default of the configuration's `socket` (config/options.ts), which is not read here: it has a secret in it. */
export const usualSocket = '/run/trasa-agent/agent.sock';

/** @returns the exit status */
export async function pam(argv: readonly string[]): Promise<number> {
  const parent = process.ppid;
  const args = parseArguments(argv);
  if (args.kind === 'help') {
    writeAll(1, usage);
    // To pam_exec status 0 is "let in", and a line that asks for help has asked nobody.
    return readItems(native().environment()) === undefined ? 0 : exitStatus.usage;
  }
  if (args.kind === 'wrong') return wrong(args.problem);
  const items = readItems(native().environment());
  if (items === undefined)
    return wrong('this is a command for pam_exec(8), which sets PAM_SERVICE, PAM_USER, PAM_TYPE');
  const phase = phaseOf(items);
  if (phase === undefined) return wrong(`only for lines of the types auth and account, not for ${items.type}`);
  // Whose process this is could let themselves in, by way of ptrace(2).
  if (process.geteuid?.() !== 0) return wrong('not running as root');
  replaceStandardError();
  const { afterPassword, socket = usualSocket, timeoutMs: deadlineMs } = args;
  const entersRoot = isSu(items.service) && (await isRoot(items.user));
  const attempt = attemptFrom(items, { phase, afterPassword, entersRoot, program: commandLineOf(parent) });
  if (attempt === undefined) return wrong(`${items.service} does not say who asks (PAM_RUSER)`);

  const connection = watchConnection(items.connection);
  const presence = watchPresence(() => process.ppid !== parent || isHungUp(1) || connection.isClosed());
  // Behind a password module the token is the password: it is not even read.
  const answer = phase === 'auth' && !afterPassword ? await readAnswer() : undefined;
  // In the account phase sshd shows what it is told when all is over.
  const isHeard = phase === 'auth' || items.connection === undefined;
  const conversation = new HookConversation(attempt.interactive, answer, isHeard ? tell : () => {});

  const reply = await askDaemon({ socket, attempt, conversation, signal: presence.signal, deadlineMs });
  const isGone = presence.signal.aborted;
  presence.stop();
  const { status, text } = conclude(reply, isGone);
  if (text !== '') tell(text);
  return status;
}

function phaseOf({ type }: PamItems): Phase | undefined {
  return type === 'auth' || type === 'account' ? type : undefined;
}

/** By user id: root may have other names. What cannot be looked up the daemon will not let in either. */
async function isRoot(account: string): Promise<boolean> {
  const found = await createLookup()(account, false);
  return found.kind === 'found' && found.user.uid === 0;
}

/** An administrator's mistake. It keeps everybody out, and pam_exec shows this line. */
function wrong(problem: string): number {
  writeAll(2, `trasa-agent pam: ${cleanText(problem, 200)}; see trasa-agent pam --help\n`);
  return exitStatus.usage;
}

/** Undefined if it cannot be read. */
function commandLineOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trimEnd();
  } catch {
    return undefined;
  }
}
