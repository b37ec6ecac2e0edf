/** The world that `login` runs in: this process, the terminal it may have, the host and its daemon. */
import { readlinkSync } from 'node:fs';
import { isatty } from 'node:tty';
import { isHungUp } from '../host/hang-up.ts';
import { readInheritance } from '../host/inheritance.ts';
import { say, writeAll } from '../host/say.ts';
import { currentUser } from '../host/user.ts';
import { askDaemon } from '../relay/ask-daemon.ts';
import { silentConversation } from '../terminal/silent.ts';
import { openTerminal } from '../terminal/terminal.ts';
import { usualSocket } from './arguments.ts';
import type { Entrance } from './enter.ts';
import { attemptFrom } from './facts.ts';
import { watchForInterruption } from './interruption.ts';
import { startSession } from './session.ts';
import { readVerifiedKey } from './verified-key.ts';

/** Undefined if the host does not know who we are. */
export async function openEntrance(socket: string = usualSocket): Promise<Entrance | undefined> {
  const inheritance = readInheritance();
  const { env } = process;
  const user = await currentUser(env['LOGNAME']);
  if (user === undefined) return undefined;

  const hasTerminal = isatty(0);
  const terminal = hasTerminal ? openTerminal() : undefined; // also if a command was given: `ssh -t host tmux`
  const conversation = terminal ?? silentConversation(text => writeAll(2, `trasa-agent: ${text}`));
  const tty = hasTerminal ? readlinkSync('/proc/self/fd/0') : undefined;
  const attempt = attemptFrom({
    env,
    account: user.name,
    terminal: tty,
    interactive: conversation.interactive,
    keyFingerprint: readVerifiedKey(env['SSH_USER_AUTH']),
  });
  // Without a terminal, standard input is the command's and not even looked at.
  const interruption = watchForInterruption(process, () => isHungUp(hasTerminal ? 0 : 1));
  return {
    ask: async signal => await askDaemon({ socket, attempt, conversation, signal }),
    interrupted: interruption.signal,
    say,
    async close() {
      interruption.stop();
      await terminal?.close();
    },
    session: async (decision, recording) =>
      await startSession(
        { user, inheritance, terminal: tty, command: env['SSH_ORIGINAL_COMMAND'] },
        decision,
        recording,
      ),
  };
}
