import type { Grant } from '../../policy/grant.ts';

/** Ends a session that has lasted too long, or in which nothing has moved for too long. */
export class Limits {
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #now: () => number;
  #movedAt: number;

  /**
   * @param now a clock that is never set: milliseconds
   * @param since when the session began, by that clock
   */
  constructor(
    { idleMs, sessionMs }: Pick<Grant, 'idleMs' | 'sessionMs'>,
    now: () => number,
    end: (why: string) => void,
    since: number = now(),
  ) {
    this.#now = now;
    this.#movedAt = now();
    if (sessionMs > 0)
      this.#after(since + sessionMs - now(), () =>
        end(`The session has lasted as long as it may: ${inWords(sessionMs)}.`),
      );
    const look = (): void => {
      const left = this.#movedAt + idleMs - this.#now();
      if (left > 0) this.#after(left, look);
      else end(`Nothing has happened for ${inWords(idleMs)}: the session ends.`);
    };
    if (idleMs > 0) this.#after(idleMs, look);
  }

  /** Data has passed, either way. */
  moved(): void {
    this.#movedAt = this.#now();
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #after(ms: number, work: () => void): void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        if (ms > longestTimerMs) this.#after(ms - longestTimerMs, work);
        else work();
      },
      Math.min(ms, longestTimerMs),
    );
    this.#timers.add(timer);
  }
}

/** Node takes no more for no wait at all. */
const longestTimerMs = 2 ** 31 - 1;

function inWords(ms: number): string {
  const seconds = ms / 1000;
  for (const [unit, size] of [
    ['hour', 3600],
    ['minute', 60],
  ] as const)
    if (seconds % size === 0) return `${seconds / size} ${unit}${seconds === size ? '' : 's'}`;
  return `${seconds} second${seconds === 1 ? '' : 's'}`;
}
