/**
 * Keeps one uid from filling a log: so many lines a second, the others are counted, and the count is said at the end
 * of the second. Root has no limit: it is PAM, and its lines are other people's logins.
 */
export class LineLimit {
  readonly #perSecond: number;
  readonly #sum: (uid: number, left: number) => void;
  readonly #windows = new Map<number, Window>();

  /** @param sum says that `left` lines about `uid` were left out */
  constructor(perSecond: number, sum: (uid: number, left: number) => void) {
    this.#perSecond = perSecond;
    this.#sum = sum;
  }

  /** May a line about this uid be written now? If not, it is counted. */
  admits(uid: number): boolean {
    if (uid === 0) return true;
    let window = this.#windows.get(uid);
    if (window === undefined) {
      window = { lines: 0, timer: setTimeout(() => this.#close(uid), windowMs).unref() };
      this.#windows.set(uid, window);
    }
    return ++window.lines <= this.#perSecond;
  }

  /** Says all counts now. */
  close(): void {
    for (const uid of this.#windows.keys()) this.#close(uid);
  }

  #close(uid: number): void {
    const window = this.#windows.get(uid);
    if (window === undefined) return;
    this.#windows.delete(uid);
    clearTimeout(window.timer);
    if (window.lines > this.#perSecond) this.#sum(uid, window.lines - this.#perSecond);
  }
}

interface Window {
  lines: number;
  readonly timer: NodeJS.Timeout;
}

const windowMs = 1_000;
