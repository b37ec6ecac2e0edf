/**
 * Replies carry no number: they come in the order of the requests (RFC 4254 §4, §5.4). So a refusal of ours waits until
 * what was passed on before it has its reply.
 */
export class Replies {
  readonly #refuse: () => void;
  #pending: ('theirs' | (() => void))[] = [];

  /** @param refuse sends one refusal to who asked */
  constructor(refuse: () => void) {
    this.#refuse = refuse;
  }

  /** A request that wants a reply was passed on. False: too many wait. */
  passed(): boolean {
    return this.#pending.push('theirs') <= maxPending;
  }

  /** A request that wants a reply was not. @param answer what is done instead of sending a refusal, in its turn */
  refused(answer = this.#refuse): boolean {
    this.#pending.push(answer);
    this.#flush();
    return this.#pending.length <= maxPending;
  }

  /** A reply has come, and is to be passed on before {@link flush}. False: nothing was asked. */
  arrived(): boolean {
    return this.#pending.shift() === 'theirs';
  }

  /** After a reply was passed on: the refusals behind it. */
  flush(): void {
    this.#flush();
  }

  #flush(): void {
    for (let [answer] = this.#pending; typeof answer === 'function'; [answer] = this.#pending) {
      this.#pending.shift();
      answer();
    }
  }
}

const maxPending = 1024;
