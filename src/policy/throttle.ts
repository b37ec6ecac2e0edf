/**
 * How long to hold off after wrong codes. Pure: the caller keeps the records.
 *
 * Counted are invalid Outcomes, per account and per client address. After `freeTries` of them each further one doubles
 * the hold, up to `maxHoldMs`. A success forgets the account's record; an address is forgiven only by time, or a
 * guesser with one good account could reset it between guesses at another.
 */
export interface ThrottleLimits {
  readonly accountFreeTries: number;
  readonly addressFreeTries: number;
  readonly firstHoldMs: number;
  readonly maxHoldMs: number;
}

export interface ThrottleRecord {
  /** Invalid outcomes in a row. */
  readonly failures: number;
  /** Time of the last, ms since 1970. */
  readonly lastAt: number;
}

/** Time (ms since 1970) before which nobody is asked; 0 if there is no hold. */
export function heldUntil(record: ThrottleRecord | undefined, freeTries: number, limits: ThrottleLimits): number {
  if (record === undefined || record.failures < freeTries) return 0;
  const doublings = Math.min(record.failures - freeTries, 30);
  return record.lastAt + Math.min(limits.firstHoldMs * 2 ** doublings, limits.maxHoldMs);
}

/** The record after one more invalid outcome. Failures older than the longest hold twice over are forgotten. */
export function afterInvalid(record: ThrottleRecord | undefined, now: number, limits: ThrottleLimits): ThrottleRecord {
  const stale = record === undefined || now - record.lastAt > 2 * limits.maxHoldMs;
  return { failures: (stale ? 0 : record.failures) + 1, lastAt: now };
}
