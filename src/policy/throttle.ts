/**
 * How long to hold off after failures. Pure: the caller keeps the records.
 *
 * Counted are invalid Outcomes, per account and per client address, and pushes that came to nothing, per person. After
 * `freeTries` of them each further one doubles the hold, up to `maxHoldMs`. A success forgets the account's record; an
 * address is forgiven only by time, or a guesser with one good account could reset it between guesses at another.
 */
export interface ThrottleLimits {
  readonly accountFreeTries: number;
  readonly addressFreeTries: number;
  readonly firstHoldMs: number;
  readonly maxHoldMs: number;
}

/** Pushes that nobody answered, or that were given up, before the next must wait: enough for a slow person. */
export const pushFreeTries = 4;

export interface ThrottleRecord {
  /** Failures in a row. */
  readonly failures: number;
  /** Time of the last, ms since 1970. */
  readonly lastAt: number;
}

/**
 * Time (ms since 1970) before which there is no next try; 0 if there is no hold. A failure that lies in the future, since
 * the clock was set back, counts as one of now.
 */
export function heldUntil(
  record: ThrottleRecord | undefined,
  freeTries: number,
  limits: ThrottleLimits,
  now: number,
): number {
  if (record === undefined || record.failures < freeTries) return 0;
  const doublings = Math.min(record.failures - freeTries, 30);
  return Math.min(record.lastAt, now) + Math.min(limits.firstHoldMs * 2 ** doublings, limits.maxHoldMs);
}

/** The record after one more failure. Failures older than the longest hold twice over are forgotten. */
export function afterFailure(record: ThrottleRecord | undefined, now: number, limits: ThrottleLimits): ThrottleRecord {
  const stale = record === undefined || now - record.lastAt > 2 * limits.maxHoldMs;
  return { failures: (stale ? 0 : record.failures) + 1, lastAt: now };
}

/** The record after `counted`, made from `before`, turned out to be no failure; others may have been counted since. */
export function afterTakingBack(
  now: ThrottleRecord | undefined,
  before: ThrottleRecord | undefined,
  counted: ThrottleRecord,
): ThrottleRecord | undefined {
  if (now === undefined) return undefined;
  if (now.failures === counted.failures && now.lastAt === counted.lastAt) return before;
  return now.failures <= 1 ? undefined : { ...now, failures: now.failures - 1 };
}
