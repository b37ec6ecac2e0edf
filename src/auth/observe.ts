/** Observe mode: nobody is asked and nothing is sent; whoever sshd lets in comes in, and the log has what would be. */
import { type Decision, deny } from '../policy/decision.ts';
import { sentenceFor } from '../policy/refusals.ts';
import type { Login, Person } from './login.ts';

/**
 * @param unasked what is settled without asking anybody, if anything is
 * @param person as far as the rules can tell
 */
export function observe({ conversation, trail }: Login, unasked: Decision | undefined, person?: Person): Decision {
  const settled = unasked ?? (person === undefined && !conversation.interactive ? nobodyToAsk : undefined);
  trail.person = person?.trasaID;
  if (conversation.interactive && settled?.kind !== 'bypass')
    conversation.textInfo(
      settled?.kind === 'deny'
        ? `Two-factor authentication is being tried out here. It would not have let you in: ${sentenceFor(settled)}`
        : 'Two-factor authentication is being tried out here. Soon you will be asked for a code or a push.',
    );
  return { kind: 'bypass', rule: 'observe', detail: `would ${whatWouldBe(settled, person, conversation.interactive)}` };
}

const nobodyToAsk = deny('no-conversation', 'no rule tells the TRASA ID');

function whatWouldBe(settled: Decision | undefined, person: Person | undefined, interactive: boolean): string {
  if (settled?.kind === 'bypass') return `let in: ${settled.rule}`;
  if (settled?.kind === 'deny')
    return `deny: ${settled.reason}${settled.detail === undefined ? '' : ` (${settled.detail})`}`;
  if (person === undefined) return 'ask for the TRASA ID, then for a second factor';
  return interactive ? `ask ${person.trasaID} for a second factor` : `send a push to ${person.trasaID}`;
}
