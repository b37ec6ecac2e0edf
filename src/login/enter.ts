/**
 * From the daemon's answer to the session, or to the way out. There is one way to a session, and it leads through
 * `allow` or `bypass`.
 */
import { exitStatus, refusals } from '../policy/refusals.ts';
import type { DecisionMessage } from '../protocol/messages.ts';
import type { Reply } from '../relay/ask-daemon.ts';
import type { RecordChannel } from '../relay/record-channel.ts';
import { refusalStatus } from '../relay/refusal-status.ts';

/** What {@link enter} needs of the world; entrance.ts has the real one. */
export interface Entrance {
  /** Asks the daemon. Does not throw for anything the daemon or the person does. */
  ask(signal: AbortSignal): Promise<Reply>;
  /** Aborted when the person gives up or is gone. */
  readonly interrupted: AbortSignal;
  /** A line for the person. */
  say(line: string): void;
  /** Ends all that {@link ask} needed. */
  close(): Promise<void>;
  /** Becomes the shell, or runs it recorded; returns an exit status only if there is one to return. */
  session(decision: DecisionMessage, recording: RecordChannel | undefined): Promise<number>;
}

/** @returns the exit status of this process, if by then it still is one */
export async function enter(entrance: Entrance): Promise<number> {
  const reply = await entrance.ask(entrance.interrupted);
  const isGone = entrance.interrupted.aborted;
  await entrance.close();
  switch (reply.kind) {
    case 'decided':
      return await follow(reply.decision, reply.recording, isGone, entrance);
    case 'unavailable':
      entrance.say(`The login agent of this host does not answer (${reply.detail}). Tell your administrator.`);
      return exitStatus.unavailable;
  }
}

async function follow(
  decision: DecisionMessage,
  recording: RecordChannel | undefined,
  isGone: boolean,
  entrance: Entrance,
): Promise<number> {
  switch (decision.verdict) {
    case 'allow':
    case 'bypass':
      if (isGone) return exitStatus.interrupted; // the approval crossed with the hang-up, and is not used
      if (decision.text !== '') entrance.say(decision.text);
      return await entrance.session(decision, recording);
    case 'deny':
      break;
  }
  entrance.say(decision.text === '' ? refusals['internal-error'].says : decision.text);
  return refusalStatus(decision);
}
