/**
 * Does anybody still wait for the answer? pam_exec(8) puts its command into a session of its own and forgets it when the
 * login ends before it: at LoginGraceTime the program would stay behind, with its push.
 */
export interface Presence {
  /** Aborted, with the reason `disconnected`, when nobody waits any more. */
  readonly signal: AbortSignal;
  stop(): void;
}

const pollMs = 250;

/** @param isGone looked at every quarter of a second */
export function watchPresence(isGone: () => boolean): Presence {
  const controller = new AbortController();
  const look = (): void => {
    if (isGone()) controller.abort('disconnected');
  };
  look();
  const timer = setInterval(look, pollMs);
  return {
    signal: controller.signal,
    stop: () => clearInterval(timer),
  };
}
