import { exitStatus } from '../policy/refusals.ts';
import type { DecisionMessage } from '../protocol/messages.ts';

/** Exit status of a door that was denied. Never 0: whoever looks at the status alone must not take it for a success. */
export function refusalStatus({ exit }: Pick<DecisionMessage, 'exit'>): number {
  return Number.isInteger(exit) && exit > 0 && exit < 256 ? exit : exitStatus.noPermission;
}
