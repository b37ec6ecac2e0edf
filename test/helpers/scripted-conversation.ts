import type { Answer, Conversation } from '../../src/auth/conversation.ts';
import { Secret } from '../../src/otp/secret.ts';

/** What the person does at the next question: types a line, presses Ctrl-C, or waits until the question goes away. */
export type Reply = string | { readonly cancel: true } | { readonly wait: true } | (() => Promise<string>);

/** A person who answers from a list, and a record of all that was said. */
export class ScriptedConversation implements Conversation {
  readonly interactive = true;
  readonly canWithdraw = true;
  readonly answersOnce = false;
  readonly said: string[] = [];
  readonly #replies: Reply[];
  #open = 0;

  constructor(...replies: Reply[]) {
    this.#replies = replies;
  }

  async promptEchoOn(text: string, withdraw?: AbortSignal): Promise<Answer> {
    this.said.push(`? ${text}`);
    if (++this.#open > 1) throw new Error('two questions are open at once');
    try {
      return await this.#reply(withdraw);
    } finally {
      this.#open--;
    }
  }

  async #reply(withdraw: AbortSignal | undefined): Promise<Answer> {
    const reply = this.#replies.shift();
    if (reply === undefined) throw new Error(`no reply left for: ${this.said.at(-1)}`);
    if (typeof reply === 'string') return { kind: 'answer', text: new Secret(reply) };
    if (typeof reply === 'function') return { kind: 'answer', text: new Secret(await reply()) };
    if ('cancel' in reply) return { kind: 'cancelled' };
    if (withdraw === undefined) throw new Error('a question that cannot be withdrawn waits for ever');
    if (!withdraw.aborted) await new Promise(resolve => withdraw.addEventListener('abort', resolve, { once: true }));
    return { kind: 'withdrawn' };
  }

  async promptEchoOff(text: string, withdraw?: AbortSignal): Promise<Answer> {
    return await this.promptEchoOn(text, withdraw);
  }

  textInfo(text: string): void {
    this.said.push(`i ${text}`);
  }

  errorMsg(text: string): void {
    this.said.push(`! ${text}`);
  }
}

/** Nobody to ask: scp, sftp, a plain command. */
export class SilentConversation implements Conversation {
  readonly interactive = false;
  readonly canWithdraw = true;
  readonly answersOnce = false;
  readonly said: string[] = [];

  async promptEchoOn(text: string): Promise<Answer> {
    this.said.push(`? ${text}`);
    return { kind: 'unable' };
  }

  async promptEchoOff(text: string): Promise<Answer> {
    return await this.promptEchoOn(text);
  }

  textInfo(text: string): void {
    this.said.push(`i ${text}`);
  }

  errorMsg(text: string): void {
    this.said.push(`! ${text}`);
  }
}
