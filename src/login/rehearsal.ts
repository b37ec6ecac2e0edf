import { isatty } from 'node:tty';
import { isHungUp } from '../host/hang-up.ts';
import { say, writeAll } from '../host/say.ts';
import { protocolVersion } from '../protocol/messages.ts';
import { askDaemon } from '../relay/ask-daemon.ts';
import { silentConversation } from '../terminal/silent.ts';
import { openTerminal } from '../terminal/terminal.ts';
import { enter } from './enter.ts';
import { watchForInterruption } from './interruption.ts';

/** What the audit log has in the place of `sshd`. */
export const rehearsalService = 'trasa-agent-test';

/**
 * A login without a session: the daemon is asked as `trasa-agent login` asks it, the dialogue is the same, and so is the
 * decision; a code that is right is used up. No shell follows.
 *
 * @returns 0 if the person would be let in; else what `login` would end with
 */
export async function rehearse(account: string, socket: string): Promise<number> {
  const hasTerminal = isatty(0);
  const terminal = hasTerminal ? openTerminal() : undefined;
  const conversation = terminal ?? silentConversation(text => writeAll(2, `trasa-agent: ${text}`));
  const { interactive } = conversation;
  // No terminal is named: one would be recorded, where sessions are.
  const attempt = { kind: 'attempt', version: protocolVersion, door: 'login', service: rehearsalService } as const;
  const interruption = watchForInterruption(process, () => isHungUp(hasTerminal ? 0 : 1));
  return await enter({
    ask: async signal =>
      await askDaemon({ socket, attempt: { ...attempt, account, interactive }, conversation, signal }),
    interrupted: interruption.signal,
    say,
    async close() {
      interruption.stop();
      await terminal?.close();
    },
    async session({ verdict, reason, id }) {
      const how = verdict === 'allow' ? `factor: ${reason}` : `without a second factor: ${reason}`;
      writeAll(1, `${account} would be let in (${how}) [${id}]\n`);
      return 0;
    },
  });
}
