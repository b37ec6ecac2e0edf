/**
 * How much of a command's output is kept as it is: a MiB at once, and 64 KiB more for each second. Bulk is known by its
 * length and digest alone, and who talks to a program that printed a lot before is still heard. Of bulk come a few samples
 * in a second, not a few bytes of each packet, each of which would be two lines.
 */
export class OutputBudget {
  readonly #now: () => number;
  #left = atOnce;
  #at: number;

  constructor(now: () => number) {
    this.#now = now;
    this.#at = now();
  }

  /** @returns how many of so many bytes are to be kept */
  take(bytes: number): number {
    const now = this.#now();
    this.#left = Math.min(atOnce, this.#left + (Math.max(0, now - this.#at) / 1000) * perSecond);
    this.#at = now;
    if (bytes > this.#left && this.#left < leastOfMore) return 0;
    const taken = Math.min(bytes, Math.floor(this.#left));
    this.#left -= taken;
    return taken;
  }
}

const atOnce = 1024 * 1024;
const perSecond = 64 * 1024;
/** Of what does not fit as a whole, no less than this is worth a line. */
const leastOfMore = 16 * 1024;
