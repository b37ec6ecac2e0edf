/**
 * The ways in which a login ends from outside while it still waits.
 *
 * With a terminal, sshd closes its side of the pty and the kernel sends SIGHUP. Without one sshd says nothing at all to
 * a command whose client has gone: only the descriptors tell, so one is looked at now and then.
 */
export type Cause = 'cancelled' | 'disconnected';

export interface Interruption {
  /** Aborted with a {@link Cause} as its reason. */
  readonly signal: AbortSignal;
  /** Puts everything back as it was; call it before anything else runs in this process. */
  stop(): void;
}

/** The part of `process` that is needed here. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
}

const causes: readonly (readonly [NodeJS.Signals, Cause])[] = [
  ['SIGINT', 'cancelled'],
  ['SIGQUIT', 'cancelled'],
  ['SIGTERM', 'cancelled'],
  ['SIGHUP', 'disconnected'],
];

const pollMs = 250;

/** @param isHungUp is the client gone? */
export function watchForInterruption(source: SignalSource, isHungUp: () => boolean): Interruption {
  const controller = new AbortController();
  const end = (cause: Cause): void => controller.abort(cause); // the first cause stays

  const listeners = causes.map(([signal, cause]) => [signal, (): void => end(cause)] as const);
  for (const [signal, listener] of listeners) source.on(signal, listener);
  const timer = setInterval(() => {
    if (isHungUp()) end('disconnected');
  }, pollMs);

  return {
    signal: controller.signal,
    stop() {
      clearInterval(timer);
      for (const [signal, listener] of listeners) source.off(signal, listener);
    },
  };
}
