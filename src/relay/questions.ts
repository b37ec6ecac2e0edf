import type { Answer, Conversation } from '../auth/conversation.ts';
import type { DaemonMessage, DoorMessage } from '../protocol/messages.ts';

type Prompt = Extract<DaemonMessage, { kind: 'prompt' }>;

/** Puts the daemon's questions to the person, one at a time, and sends back what comes of them. */
export class Questions {
  readonly #conversation: Conversation;
  readonly #send: (message: DoorMessage) => void;
  #open = new AbortController();
  /** Settles when no question is open. A question may be asked while the one before is still being taken back. */
  #settled: Promise<void> = Promise.resolve();

  constructor(conversation: Conversation, send: (message: DoorMessage) => void) {
    this.#conversation = conversation;
    this.#send = send;
  }

  ask(prompt: Prompt): void {
    const open = new AbortController();
    this.#open = open;
    this.#settled = this.#settled.then(async () => await this.#put(prompt, open.signal));
  }

  withdraw(): void {
    this.#open.abort();
  }

  /** Takes the open question back and waits until the terminal is as it was. */
  async stop(): Promise<void> {
    this.withdraw();
    await this.#settled;
  }

  async #put({ id, echo, text }: Prompt, withdraw: AbortSignal): Promise<void> {
    if (withdraw.aborted) return;
    const answer = await (echo
      ? this.#conversation.promptEchoOn(text, withdraw)
      : this.#conversation.promptEchoOff(text, withdraw)
    ).catch(noAnswer);
    switch (answer.kind) {
      case 'answer':
        return this.#send({ kind: 'answer', id, text: answer.text.expose() });
      case 'unable':
        return this.#send({ kind: 'unable', id });
      case 'cancelled':
        return this.#send({ kind: 'cancel' });
      case 'withdrawn':
    }
  }
}

/** A conversation does not reject; should one do so all the same, there is nobody to ask. */
function noAnswer(): Answer {
  return { kind: 'unable' };
}
