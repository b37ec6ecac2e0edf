/**
 * Runs `work` under a deadline: its signal aborts when the caller's does, or after `ms`.
 *
 * The timer holds the event loop, other than AbortSignal.timeout's, so that a deadline comes even if nothing else is
 * left to do. The promise settles when `work` does; `work` must heed its signal.
 *
 * @param work is also handed `expired`, which tells the deadline from the caller's abort
 */
export async function withDeadline<T>(
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal, expired: () => boolean) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), ms);
  try {
    return await work(AbortSignal.any([signal, deadline.signal]), () => deadline.signal.aborted);
  } finally {
    clearTimeout(timer);
  }
}
