import { isCode } from '../otp/code.ts';
import { readRecoveryCode } from '../otp/recovery-code.ts';
import { Secret } from '../otp/secret.ts';
import { deny } from '../policy/decision.ts';
import type { Answer } from './conversation.ts';
import { again, decided, type Step } from './step.ts';
import type { Proof } from './verifier.ts';

export type CodeProof = Extract<Proof, { code: Secret }>;

/** What the person typed at a question for a code. */
export type Typed =
  | { readonly kind: 'code'; readonly proof: CodeProof }
  | { readonly kind: 'enter' }
  /** Nothing to check. */
  | { readonly kind: 'step'; readonly step: Step };

/** Only what has the shape of a code goes any further: the rest may be a password typed at the wrong prompt. */
export function readTyped(answer: Answer, codeDigits: number): Typed {
  switch (answer.kind) {
    case 'answer': {
      const typed = answer.text.expose().replace(/[ \t]/g, '');
      if (typed === '') return { kind: 'enter' };
      if (isCode(typed, codeDigits)) return { kind: 'code', proof: { factor: 'totp', code: new Secret(typed) } };
      return readOther(typed, codeDigits);
    }
    case 'unable':
      return { kind: 'step', step: decided(deny('no-conversation')) };
    case 'cancelled':
    case 'withdrawn':
      return { kind: 'step', step: decided(deny('cancelled')) };
  }
}

function readOther(typed: string, codeDigits: number): Typed {
  const recovery = readRecoveryCode(typed);
  switch (recovery.kind) {
    case 'code':
      return { kind: 'code', proof: { factor: 'recovery-code', code: recovery.code } };
    case 'mistyped':
      return { kind: 'step', step: again('not-a-code', 'That recovery code has a typing error. Type it again.') };
    case 'other':
      return { kind: 'step', step: again('not-a-code', `That is not a code: type ${codeDigits} digits.`) };
  }
}
