/** An entry that an administrator has to approve is held until one has. */
import { setTimeout as wait } from 'node:timers/promises';
import type { AuditNotes } from '../../audit/audit-log.ts';
import type { Clock, Random } from '../../auth/ports.ts';
import type { Approval, Approvals } from '../../store/approvals.ts';
import type { Passage } from './login.ts';

export interface ApprovalPorts {
  readonly approvals: Pick<Approvals, 'inForce' | 'ask' | 'find'>;
  readonly audit: AuditNotes;
  readonly clock: Clock;
  readonly random: Random;
}

type Held = Pick<Passage, 'person' | 'account' | 'service' | 'grant'>;

/** Is one in force already? */
export function isApproved({ approvals, clock }: Pick<ApprovalPorts, 'approvals' | 'clock'>, passage: Held): boolean {
  return inForce(approvals, passage, clock.now()) !== undefined;
}

/**
 * @param tell says to the person that they have to wait
 * @returns whether one was given; 'given up' if the login ended before
 */
export async function approve(
  { approvals, audit, clock, random }: ApprovalPorts,
  passage: Passage,
  client: string,
  tell: (text: string) => void,
  signal: AbortSignal,
): Promise<'approved' | 'refused' | 'given up'> {
  const { person, account, service, grant } = passage;
  const note = (outcome: string, { id, decidedBy }: Approval): void =>
    audit.note({
      event: 'approval',
      attempt: passage.id,
      approval: id,
      outcome,
      person,
      account,
      target: service.name,
      client,
      policy: grant.rule,
      by: decidedBy === '' ? null : decidedBy,
    });
  const known = inForce(approvals, passage, clock.now());
  if (known !== undefined) {
    note('in force', known);
    return 'approved';
  }
  const request = { person, account, target: service.name, client, policy: grant.rule, lastsMs: grant.approvalMs };
  let approval = approvals.ask(request, clock.now(), () => newApprovalId(random));
  note('asked', approval);
  if (approval.state === 'waiting') tell(`Waiting for the approval of an administrator [${approval.id}]`);
  while (approval.state === 'waiting') {
    await wait(pollMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) {
      note('given up', approval);
      return 'given up';
    }
    approval = approvals.find(approval.id) ?? { ...approval, state: 'refused' };
  }
  note(approval.state, approval);
  return approval.state;
}

const pollMs = 500;

/** Without letters that are taken for digits. */
function newApprovalId(random: Random): string {
  const letters = '23456789ABCDEFGHJKMNPQRSTVWXYZ';
  return Array.from({ length: 6 }, () => letters[random.below(letters.length)]).join('');
}

/** As long as it was given for, and no longer than policy says by now. */
function inForce(
  approvals: ApprovalPorts['approvals'],
  { person, account, service, grant }: Held,
  now: number,
): Approval | undefined {
  const latest = approvals.inForce({ person, account, target: service.name }, now);
  return latest !== undefined && latest.decidedAt + grant.approvalMs > now ? latest : undefined;
}
