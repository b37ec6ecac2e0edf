import { native } from '../host/native.ts';

/** What would end this process with the terminal still set to single keys. */
const signals = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Sets a terminal to give single keys without echo, until the returned function is called or the process exits.
 * Undefined if the terminal is gone.
 * @param interrupted a signal came that asks the process to end
 */
export function holdKeys(fd: number, interrupted: () => void): (() => void) | undefined {
  let saved: ArrayBuffer;
  try {
    saved = native().readKeys(fd);
  } catch {
    return undefined;
  }
  const restore = (): void => {
    try {
      native().restoreTerminal(fd, saved);
    } catch {
      // gone: there is nothing to put back
    }
  };
  process.on('exit', restore);
  for (const signal of signals) process.on(signal, interrupted);
  return () => {
    for (const signal of signals) process.off(signal, interrupted);
    process.off('exit', restore);
    restore();
  };
}
