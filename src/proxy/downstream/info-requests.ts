import type { Answer, Conversation } from '../../auth/conversation.ts';
import type { Secret } from '../../otp/secret.ts';
import { cleanText } from '../../protocol/clean.ts';
import { infoRequest, parseInfoResponse, type Question } from '../messages/userauth.ts';

/**
 * The conversation over keyboard-interactive (RFC 4256). One request is open at a time, and each has its answer before
 * the next goes out: a text is a request without questions, which the client shows and answers by itself.
 */
export class InfoRequests implements Conversation {
  readonly interactive: boolean;
  readonly canWithdraw = false;
  readonly answersOnce = false;
  readonly tellsAtOnce = true;
  readonly #send: (payload: Buffer) => void;
  readonly #waiting: Request[] = [];
  #isOver = false;
  /** The last text that was told, or would have been. */
  lastTold: string | undefined;
  /** There was something to ask, and nobody to ask it. */
  wasNeeded = false;
  /** Of the questions to come: the handle by which people's scripts know where they are. */
  instruction = '';

  /** @param send undefined: there is nobody to ask or tell */
  constructor(send: ((payload: Buffer) => void) | undefined) {
    this.interactive = send !== undefined;
    this.#isOver = send === undefined;
    this.#send = send ?? (() => {});
  }

  /** The answers, as many as questions; undefined if the person gave up. The texts are ours, or cleaned. */
  async ask(instruction: string, questions: readonly Question[]): Promise<Secret[] | undefined> {
    this.wasNeeded ||= !this.interactive && questions.length > 0;
    if (this.#isOver) return undefined;
    const { promise, resolve } = Promise.withResolvers<Secret[] | undefined>();
    const payload = infoRequest(instruction, questions);
    this.#waiting.push({ payload, asked: questions.length, settle: resolve, settled: promise });
    if (this.#waiting.length === 1) this.#sendFirst();
    return await promise;
  }

  /** Shows a text. Settles when it is shown; nobody has to wait for that. */
  async tell(text: string): Promise<void> {
    this.lastTold = text;
    await this.ask(text, []);
  }

  async promptEchoOn(text: string, withdraw?: AbortSignal): Promise<Answer> {
    return await this.#prompt(text, true, withdraw);
  }

  async promptEchoOff(text: string, withdraw?: AbortSignal): Promise<Answer> {
    return await this.#prompt(text, false, withdraw);
  }

  textInfo(text: string): void {
    void this.tell(cleanText(text, maxText));
  }

  errorMsg(text: string): void {
    this.textInfo(text);
  }

  /** An INFO_RESPONSE. False if it answers nothing that was asked. */
  receive(payload: Buffer): boolean {
    const [first] = this.#waiting;
    const answers = first === undefined ? undefined : parseInfoResponse(payload, first.asked);
    if (first === undefined || answers === undefined) return false;
    this.#waiting.shift();
    if (this.#waiting.length > 0) this.#sendFirst();
    first.settle(answers);
    return true;
  }

  /** Settles when nothing waits for its answer. What comes after the end of the dialogue would be out of place there. */
  async allAnswered(): Promise<void> {
    await this.#waiting.at(-1)?.settled;
  }

  /** The client does something else, or is gone. */
  end(): void {
    this.#isOver = true;
    for (const { settle } of this.#waiting.splice(0)) settle(undefined);
  }

  async #prompt(text: string, echo: boolean, withdraw: AbortSignal | undefined): Promise<Answer> {
    if (!this.interactive) return { kind: 'unable' };
    if (withdraw?.aborted === true) return { kind: 'withdrawn' };
    // TRASA's own prompts begin like this.
    const prompt = `\n\r${cleanText(text, maxText)}${text.endsWith(' ') ? ' ' : ''}`;
    const answers = await this.ask(this.instruction, [{ text: prompt, echo }]);
    const [answer] = answers ?? [];
    return answer === undefined ? { kind: 'cancelled' } : { kind: 'answer', text: answer };
  }

  #sendFirst(): void {
    const [first] = this.#waiting;
    if (first !== undefined) this.#send(first.payload);
  }
}

const maxText = 1024;

interface Request {
  readonly payload: Buffer;
  readonly asked: number;
  readonly settle: (answers: Secret[] | undefined) => void;
  readonly settled: Promise<unknown>;
}
