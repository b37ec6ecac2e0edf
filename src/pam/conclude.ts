/** From the daemon's answer to the exit status. There is one way to 0, and it leads through `allow` or `bypass`. */
import { exitStatus, refusals } from '../policy/refusals.ts';
import type { DecisionMessage } from '../protocol/messages.ts';
import type { Reply } from '../relay/ask-daemon.ts';

export interface Conclusion {
  readonly status: number;
  /** What to tell the person; empty if nothing. */
  readonly text: string;
}

/**
 * @param complaint what was wrong with the answer, if there was a second question, which nobody was there to answer
 * @param isGone does nobody wait for this any more?
 */
export function conclude(reply: Reply, complaint: string | undefined, isGone: boolean): Conclusion {
  switch (reply.kind) {
    case 'decided':
      return follow(reply.decision, complaint, isGone);
    case 'unavailable':
      return {
        status: exitStatus.unavailable,
        text: `The login agent of this host does not answer (${reply.detail}). Tell your administrator.`,
      };
  }
}

function follow(decision: DecisionMessage, complaint: string | undefined, isGone: boolean): Conclusion {
  const { verdict, reason, text, id } = decision;
  switch (verdict) {
    case 'allow':
    case 'bypass':
      // an approval that crossed with the end of the login is not used
      return isGone ? { status: exitStatus.interrupted, text: '' } : { status: 0, text };
    case 'deny':
      break;
  }
  const status = refusalStatus(decision.exit);
  if (reason === 'cancelled' && complaint !== undefined)
    return { status: exitStatus.noPermission, text: id === '' ? complaint : `${complaint} [${id}]` };
  return { status, text: text === '' ? refusals['internal-error'].says : text };
}

/** Never 0: pam_exec looks at nothing else. */
function refusalStatus(exit: number): number {
  return Number.isInteger(exit) && exit > 0 && exit < 256 ? exit : exitStatus.noPermission;
}
