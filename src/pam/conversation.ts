import type { Answer, Conversation } from '../auth/conversation.ts';
import { Secret } from '../otp/secret.ts';

/**
 * The Conversation of somebody who has answered before the question was put: what was typed at pam_exec's prompt answers
 * the first question for a code, and there is no second. Questions are told apart by the words of auth/challenge.ts;
 * one that is not known is not answered, so that a code never goes where none was asked for.
 */
export class HookConversation implements Conversation {
  readonly canWithdraw = true;
  readonly answersOnce = true;
  readonly interactive: boolean;
  readonly #tell: (text: string) => void;
  #prepared: Secret | undefined;
  #hasAnswered = false;

  /** @param answer undefined: a push is asked for */
  constructor(interactive: boolean, answer: Secret | undefined, tell: (text: string) => void) {
    this.interactive = interactive;
    this.#prepared = answer;
    this.#tell = tell;
  }

  async promptEchoOn(text: string, withdraw?: AbortSignal): Promise<Answer> {
    if (pushWaits.test(text)) return await this.#waitFor(text, withdraw);
    if (!asksForCode.test(text)) return { kind: 'unable' };
    if (this.#hasAnswered) return { kind: 'cancelled' };
    this.#hasAnswered = true;
    return this.#answer();
  }

  async promptEchoOff(text: string, withdraw?: AbortSignal): Promise<Answer> {
    return await this.promptEchoOn(text, withdraw);
  }

  textInfo(text: string): void {
    this.#tell(text);
  }

  /** Nothing is wrong that does not end the login, and then the decision says so. */
  errorMsg(): void {}

  /** With `autopush` this is the first question; a code that was typed answers it. */
  async #waitFor(text: string, withdraw: AbortSignal | undefined): Promise<Answer> {
    if (this.#prepared !== undefined) {
      this.#hasAnswered = true;
      return this.#answer();
    }
    this.#tell(text.replace(/, or type a code: $/, '.'));
    if (withdraw === undefined) return { kind: 'unable' };
    if (!withdraw.aborted)
      await new Promise(resolve => {
        withdraw.addEventListener('abort', resolve, { once: true });
      });
    return { kind: 'withdrawn' };
  }

  #answer(): Answer {
    const text = this.#prepared ?? new Secret(''); // as if Enter alone were pressed
    this.#prepared = undefined;
    return { kind: 'answer', text };
  }
}

const asksForCode = /^(?:Code\b|Enter your totp code )/;
const pushWaits = /^Push sent\. /;
