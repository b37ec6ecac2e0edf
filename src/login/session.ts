/** The session that was allowed: what sshd would have started, in this process or recorded by it. */
import type { Inheritance } from '../host/inheritance.ts';
import type { UserRecord } from '../host/lookup.ts';
import { say, writeAll } from '../host/say.ts';
import { becomeShell } from '../host/shell.ts';
import { exitStatus } from '../policy/refusals.ts';
import type { DecisionMessage } from '../protocol/messages.ts';
import type { RecordChannel } from '../relay/record-channel.ts';
import { greeting } from './greeting.ts';

export interface Session {
  readonly user: UserRecord;
  readonly inheritance: Inheritance;
  /** Path of the terminal on descriptor 0; undefined: none. */
  readonly terminal: string | undefined;
  /** The client's own; undefined: it asked for a shell. */
  readonly command: string | undefined;
}

/** Call it only for a decision that lets in. Returns the exit status of a session that was recorded. */
export async function startSession(
  { user, inheritance, terminal, command }: Session,
  { motd, record, sftp }: DecisionMessage,
  recording: RecordChannel | undefined,
): Promise<number> {
  if (motd && terminal !== undefined && command === undefined) writeAll(1, greeting(user.name, user.home, terminal));
  if (!record || terminal === undefined) {
    recording?.close();
    becomeShell(user, sftp, inheritance);
  }
  if (recording === undefined) {
    say('This session must be recorded, and cannot be. Tell your administrator.');
    return exitStatus.unavailable;
  }
  const { runRecordedSession } = await import('./recorded-session.ts');
  const ending = await runRecordedSession({ inheritance, sftpServer: sftp }, recording, Date.now);
  switch (ending.kind) {
    case 'exited':
      return ending.status;
    case 'killed':
      return await dieOf(ending.signal);
    case 'not-recorded':
      say(`This session was ended because it cannot be recorded (${ending.detail}). Tell your administrator.`);
      return exitStatus.unavailable;
  }
}

/** Ends this process as its shell ended, so that sshd can tell the client. */
async function dieOf(signal: number): Promise<number> {
  process.kill(process.pid, signal);
  await new Promise(resolve => setTimeout(resolve, 1000)); // should Node ignore it (SIGPIPE)
  return 128 + signal;
}
