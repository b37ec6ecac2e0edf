import type { Test } from 'tap';

export interface Chance {
  /** A whole number, 0 ≤ n < bound. */
  below(bound: number): number;
  noise(length: number): Buffer;
  pick<T>(from: readonly T[]): T;
}

/** Chance that can be had again: its seed is printed, and SEED in the environment sets it. */
export function chance(t: Pick<Test, 'comment'>): Chance {
  const seed = Number(process.env['SEED'] ?? 20_260_615);
  t.comment(`SEED=${seed}`);
  let state = seed;
  /** Mulberry32: small, and the same everywhere. */
  const below = (bound: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
  return {
    below,
    noise: length => Buffer.from(Array.from({ length }, () => below(256))),
    pick: <T>(from: readonly T[]): T => from[below(from.length)] as T,
  };
}
