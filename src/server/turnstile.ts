/**
 * Lets expensive work through a little at a time: so many at once, one at a time per key, and a bounded queue.
 *
 * Password checks go through it. One at a time per person is what makes the throttle count: a hundred guesses sent in
 * parallel would otherwise all be looked at before the first was found wrong.
 */
export class Turnstile {
  readonly #atOnce: number;
  readonly #maxWaiting: number;
  readonly #busy = new Set<string>();
  readonly #waiting: { key: string; go: () => void }[] = [];

  constructor(atOnce: number, maxWaiting: number) {
    this.#atOnce = atOnce;
    this.#maxWaiting = maxWaiting;
  }

  /** Undefined, at once, if too many wait already. */
  async pass<T>(key: string, work: () => Promise<T>): Promise<T | undefined> {
    if (!this.#free(key)) {
      if (this.#waiting.length >= this.#maxWaiting) return undefined;
      await new Promise<void>(go => this.#waiting.push({ key, go }));
    } else this.#busy.add(key);
    try {
      return await work();
    } finally {
      this.#busy.delete(key);
      this.#next();
    }
  }

  #free(key: string): boolean {
    return this.#busy.size < this.#atOnce && !this.#busy.has(key);
  }

  #next(): void {
    const index = this.#waiting.findIndex(({ key }) => this.#free(key));
    const [next] = index === -1 ? [] : this.#waiting.splice(index, 1);
    if (next === undefined) return;
    this.#busy.add(next.key); // taken for it now, before anybody else can come in between
    next.go();
  }
}
