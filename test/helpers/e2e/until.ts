import { setTimeout as pause } from 'node:timers/promises';

/**
 * Far beyond what anything here takes, on a machine that has much else to do, too: it only ends what would never come.
 * Whoever waits that long in vain has failed.
 */
export const patienceMs = 60_000;

/**
 * Waits until `look` finds something, looking every 20 ms. Rejects after {@link patienceMs}.
 * @param what is waited for, as it is named then
 */
export async function until<T>(
  what: string | (() => string),
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`waited in vain for ${typeof what === 'string' ? what : what()}`);
    await pause(20);
  }
}
