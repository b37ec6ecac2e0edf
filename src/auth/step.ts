import { type Decision, type Denial, type DenyReason, deny } from '../policy/decision.ts';

/** What one try came to: the login is decided, or the person may try again. */
export type Step =
  | { readonly kind: 'decided'; readonly decision: Decision }
  /** What it would end in if there were no further try. */
  | { readonly kind: 'again'; readonly denial: Denial };

export function decided(decision: Decision): Step {
  return { kind: 'decided', decision };
}

/** `says` where there is more to say than refusals.ts says. */
export function again(reason: DenyReason, says?: string): Step {
  return { kind: 'again', denial: deny(reason, undefined, says) };
}
