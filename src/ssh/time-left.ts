import type { Certificate } from './certificate.ts';

/**
 * How a certificate stands. `due`: it should be renewed now. `late`: what renews it every day has not done so, for less
 * than a quarter of its time is left.
 */
export type Standing = 'fine' | 'due' | 'late' | 'ended' | 'not-yet-valid';

export interface TimeLeft {
  readonly standing: Standing;
  /** Whole ones until it ends, rounded down; negative when it has ended. Infinity: it does not end. */
  readonly daysLeft: number;
}

/** @param now milliseconds since 1970 */
export function timeLeft(
  { validAfter, validBefore }: Pick<Certificate, 'validAfter' | 'validBefore'>,
  now: number,
): TimeLeft {
  const endsAt = Number(validBefore) * 1000;
  const startsAt = Number(validAfter) * 1000;
  if (endsAt > latest)
    return { standing: now < startsAt ? 'not-yet-valid' : 'fine', daysLeft: Number.POSITIVE_INFINITY };
  const daysLeft = Math.floor((endsAt - now) / dayMs);
  return { standing: standingOf(startsAt, endsAt, now), daysLeft };
}

const dayMs = 86_400_000;
/** The last moment that a Date can tell (ECMA-262 §21.4.1.1); what ends later, such as never, ends for nobody here. */
const latest = 8.64e15;

function standingOf(startsAt: number, endsAt: number, now: number): Standing {
  if (now >= endsAt) return 'ended';
  if (now < startsAt) return 'not-yet-valid';
  const left = (endsAt - now) / (endsAt - startsAt);
  if (left < 1 / 4) return 'late';
  return left < 1 / 3 ? 'due' : 'fine';
}
