import type { Settle } from './agreed.ts';

/**
 * Replies carry no number: they come in the order of the requests (RFC 4254 §4, §5.4). So a refusal of ours waits until
 * what was passed on before it has its reply.
 */
export class Replies {
  readonly #refuse: () => void;
  #pending: Pending[] = [];

  /** @param refuse sends one refusal to who asked */
  constructor(refuse: () => void) {
    this.#refuse = refuse;
  }

  /** A request that wants a reply was passed on. False: too many wait. @param settle hears the reply */
  passed(settle?: Settle): boolean {
    return this.#pending.push({ by: 'them', settle }) <= maxPending;
  }

  /** A request that wants a reply was not. @param answer what is done instead of sending a refusal, in its turn */
  refused(answer = this.#refuse): boolean {
    this.#pending.push({ by: 'us', answer });
    this.#flush();
    return this.#pending.length <= maxPending;
  }

  /** A reply has come, and is to be passed on before {@link flush}. False: nothing was asked. */
  arrived(reply: Buffer): boolean {
    const first = this.#pending.shift();
    if (first?.by !== 'them') return false;
    first.settle?.(reply);
    return true;
  }

  /** After a reply was passed on: the refusals behind it. */
  flush(): void {
    this.#flush();
  }

  #flush(): void {
    for (let [first] = this.#pending; first?.by === 'us'; [first] = this.#pending) {
      this.#pending.shift();
      first.answer();
    }
  }
}

/** Who answers a request, and what is done with that. */
type Pending =
  | { readonly by: 'them'; readonly settle: Settle | undefined }
  | { readonly by: 'us'; readonly answer: () => void };

const maxPending = 1024;
