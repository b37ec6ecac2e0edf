import { writeSync } from 'node:fs';
import type { Answer, Conversation } from '../auth/conversation.ts';

/**
 * The Conversation of a session without a terminal: nobody can be asked, and messages go to standard error, which sshd
 * delivers for commands and drops for subsystems. Standard input and output belong to the command; they are not touched,
 * and none of Node's streams is (they would leave descriptors non-blocking for the command).
 */
export function silentConversation(write: (text: string) => void = writeToStderr): Conversation {
  const tell = (text: string): void => write(`${text}\n`);
  return {
    interactive: false,
    canWithdraw: true,
    promptEchoOn: unable,
    promptEchoOff: unable,
    textInfo: tell,
    errorMsg: tell,
  };
}

function unable(): Promise<Answer> {
  return Promise.resolve({ kind: 'unable' });
}

function writeToStderr(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // Closed (EPIPE, EBADF), or full and non-blocking (EAGAIN): nobody reads it, and the login goes on without.
  }
}
