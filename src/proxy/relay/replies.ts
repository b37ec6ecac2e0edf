import type { Settle } from './agreed.ts';

/**
 * Replies carry no number: they come in the order of the requests (RFC 4254 §4, §5.4). So a refusal of ours waits until
 * what was passed on before it has its reply.
 */
export class Replies {
  readonly #refuse: () => void;
  #pending: (Settle | 'theirs' | 'ours')[] = [];

  /** @param refuse sends one refusal to who asked */
  constructor(refuse: () => void) {
    this.#refuse = refuse;
  }

  /** A request that wants a reply was passed on. False: too many wait. @param settle hears the reply */
  passed(settle?: Settle): boolean {
    return this.#pending.push(settle ?? 'theirs') <= maxPending;
  }

  /** A request that wants a reply was not. */
  refused(): boolean {
    this.#pending.push('ours');
    this.#flush();
    return this.#pending.length <= maxPending;
  }

  /** A reply has come, and is to be passed on before {@link flush}. False: nothing was asked. */
  arrived(reply: Buffer): boolean {
    const first = this.#pending.shift();
    if (typeof first === 'function') first(reply);
    return typeof first === 'function' || first === 'theirs';
  }

  /** After a reply was passed on: the refusals behind it. */
  flush(): void {
    this.#flush();
  }

  #flush(): void {
    while (this.#pending[0] === 'ours') {
      this.#pending.shift();
      this.#refuse();
    }
  }
}

const maxPending = 1024;
