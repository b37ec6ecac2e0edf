import type { Answer, Conversation } from '../auth/conversation.ts';
import { Secret } from '../otp/secret.ts';
import { cleanText } from '../protocol/clean.ts';
import { type DaemonMessage, type DoorMessage, maxText } from '../protocol/messages.ts';

/** A Conversation with the person behind a door: questions go out as `prompt`, answers come back as messages. */
export class SocketConversation implements Conversation {
  readonly interactive: boolean;
  readonly canWithdraw: boolean;
  readonly answersOnce: boolean;
  readonly #send: (message: DaemonMessage) => void;
  #lastId = 0;
  #open: { readonly id: number; readonly settle: (answer: Answer) => void } | undefined;

  constructor(
    can: { interactive: boolean; withdraw?: boolean; once?: boolean },
    send: (message: DaemonMessage) => void,
  ) {
    this.interactive = can.interactive;
    this.canWithdraw = can.withdraw ?? true;
    this.answersOnce = can.once ?? false;
    this.#send = send;
  }

  async promptEchoOn(text: string, withdraw?: AbortSignal): Promise<Answer> {
    return await this.#ask(text, true, withdraw);
  }

  async promptEchoOff(text: string, withdraw?: AbortSignal): Promise<Answer> {
    return await this.#ask(text, false, withdraw);
  }

  textInfo(text: string): void {
    this.#send({ kind: 'info', text: cleanText(text, maxChars) });
  }

  errorMsg(text: string): void {
    this.#send({ kind: 'error', text: cleanText(text, maxChars) });
  }

  /** What the door says while the login is under way. */
  receive(message: DoorMessage): void {
    if (message.kind === 'answer') this.#settle(message.id, { kind: 'answer', text: new Secret(message.text) });
    if (message.kind === 'unable') this.#settle(message.id, { kind: 'unable' });
  }

  /** The door gave up, or is gone: whoever waits for an answer waits no longer. */
  end(): void {
    if (this.#open !== undefined) this.#settle(this.#open.id, { kind: 'cancelled' });
  }

  async #ask(text: string, echo: boolean, withdraw: AbortSignal | undefined): Promise<Answer> {
    if (!this.interactive) return { kind: 'unable' };
    if (withdraw?.aborted === true) return { kind: 'withdrawn' };
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#open = { id, settle: resolve };
    this.#send({ kind: 'prompt', id, echo, text: promptText(text) });

    const takeBack = (): void => {
      this.#send({ kind: 'withdraw', id });
      this.#settle(id, { kind: 'withdrawn' });
    };
    withdraw?.addEventListener('abort', takeBack, { once: true });
    return await promise.finally(() => withdraw?.removeEventListener('abort', takeBack));
  }

  #settle(id: number, answer: Answer): void {
    if (this.#open?.id !== id) return;
    this.#open.settle(answer);
    this.#open = undefined;
  }
}

/** A character takes up to four bytes. */
const maxChars = maxText / 4;

/** A prompt keeps the blank at its end, which {@link cleanText} would take off. */
function promptText(text: string): string {
  const clean = cleanText(text, maxChars - 1);
  return text.endsWith(' ') ? `${clean} ` : clean;
}
