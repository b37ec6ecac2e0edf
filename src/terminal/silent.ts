import type { Answer, Conversation } from '../auth/conversation.ts';
import { writeAll } from '../host/say.ts';

/**
 * The Conversation of a session without a terminal: nobody can be asked, and messages go to standard error, which sshd
 * delivers for commands and drops for subsystems. Standard input and output belong to the command; they are not touched,
 * and none of Node's streams is (they would leave descriptors non-blocking for the command).
 */
export function silentConversation(write: (text: string) => void = text => writeAll(2, text)): Conversation {
  const tell = (text: string): void => write(`${text}\n`);
  return {
    interactive: false,
    canWithdraw: true,
    answersOnce: false,
    promptEchoOn: unable,
    promptEchoOff: unable,
    textInfo: tell,
    errorMsg: tell,
  };
}

function unable(): Promise<Answer> {
  return Promise.resolve({ kind: 'unable' });
}
