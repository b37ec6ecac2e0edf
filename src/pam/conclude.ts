/** From the daemon's answer to the exit status. There is one way to 0, and it leads through `allow` or `bypass`. */
import { exitStatus, refusals } from '../policy/refusals.ts';
import type { DecisionMessage } from '../protocol/messages.ts';
import type { Reply } from '../relay/ask-daemon.ts';
import { refusalStatus } from '../relay/refusal-status.ts';

export interface Conclusion {
  readonly status: number;
  /** What to tell the person; empty if nothing. */
  readonly text: string;
}

/** @param isGone does nobody wait for this any more? */
export function conclude(reply: Reply, isGone: boolean): Conclusion {
  switch (reply.kind) {
    case 'decided':
      return follow(reply.decision, isGone);
    case 'unavailable':
      return {
        status: exitStatus.unavailable,
        text: `The login agent of this host does not answer (${reply.detail}). Tell your administrator.`,
      };
  }
}

function follow(decision: DecisionMessage, isGone: boolean): Conclusion {
  const { verdict, text } = decision;
  switch (verdict) {
    case 'allow':
    case 'bypass':
      // an approval that crossed with the end of the login is not used
      return isGone ? { status: exitStatus.interrupted, text: '' } : { status: 0, text };
    case 'deny':
      break;
  }
  return { status: refusalStatus(decision), text: text === '' ? refusals['internal-error'].says : text };
}
