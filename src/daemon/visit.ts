import type { Socket } from 'node:net';
import type { DenyReason } from '../policy/decision.ts';
import type { AttemptMessage, DecisionMessage, DoorMessage } from '../protocol/messages.ts';
import { Door, type DoorListener } from './door.ts';
import { SocketConversation } from './socket-conversation.ts';

/** Why a login ends before it is decided; the signal's reason, as authenticate() wants it. */
export type Ending = Extract<DenyReason, 'cancelled' | 'disconnected' | 'timed-out' | 'shutting-down' | 'overloaded'>;

/** One door that came to ask: its first line, its conversation, and how it left. */
export class Visit implements DoorListener {
  readonly door: Door;
  readonly #opening = Promise.withResolvers<AttemptMessage | undefined>();
  readonly #ending = new AbortController();
  #conversation: SocketConversation | undefined;
  /** What it said that it may not say. */
  violation: string | undefined;

  constructor(socket: Socket) {
    this.door = new Door(socket, this);
  }

  /** Aborts with an {@link Ending} when nobody waits for the decision any more. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** The facts, or undefined if the visit ended without them; see `signal` and `violation`. */
  async opening(timeoutMs: number): Promise<AttemptMessage | undefined> {
    const timer = setTimeout(() => this.end('timed-out'), timeoutMs);
    return await this.#opening.promise.finally(() => clearTimeout(timer));
  }

  /** To be asked for after the opening only. */
  get conversation(): SocketConversation {
    return this.#conversation ?? new SocketConversation({ interactive: false }, () => {});
  }

  end(ending: Ending): void {
    this.#ending.abort(ending); // the first reason stays
    this.#opening.resolve(undefined);
    this.#conversation?.end();
  }

  finish(decision: DecisionMessage): void {
    this.door.finish(decision);
  }

  /** There is no room for it; also for one that is finished already, and slow to close. */
  refuse(decision: DecisionMessage): void {
    this.door.refuse(decision);
    this.end('overloaded');
  }

  message(message: DoorMessage): void {
    if (message.kind === 'attempt') {
      this.#conversation = new SocketConversation(message, said => this.door.send(said));
      this.#opening.resolve(message);
    } else if (message.kind === 'cancel') this.end('cancelled');
    else this.#conversation?.receive(message);
  }

  gone(violation?: string): void {
    this.violation = violation;
    this.end('disconnected');
  }
}
