import type { Secret } from '../otp/secret.ts';

/**
 * What came of a question. `unable`: there is nobody to ask here. `cancelled`: the person gave up (Ctrl-C, Ctrl-D).
 * `withdrawn`: the question was taken back by its signal.
 */
export type Answer =
  | { readonly kind: 'answer'; readonly text: Secret }
  | { readonly kind: 'unable' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'withdrawn' };

/**
 * PAM's four message styles (pam_conv(3)). A terminal, a PAM stack, an SSH keyboard-interactive exchange and nobody at
 * all are its implementations.
 *
 * Contract: at most one question is open at a time. Text is plain, without control characters, and the implementation
 * adds the line end to messages and none to prompts. Nothing here throws for what a person or a peer does.
 */
export interface Conversation {
  /** May questions be asked? If not, every question answers `unable`, and messages may never be seen. */
  readonly interactive: boolean;
  /** Can an open question be taken back? If not (PAM), its answer comes all the same, and nobody waits for it. */
  readonly canWithdraw: boolean;
  /** Has it one answer to give, and no second? (pam_exec asked before anybody could know what for.) */
  readonly answersOnce: boolean;
  promptEchoOn(text: string, withdraw?: AbortSignal): Promise<Answer>;
  promptEchoOff(text: string, withdraw?: AbortSignal): Promise<Answer>;
  textInfo(text: string): void;
  errorMsg(text: string): void;
}
