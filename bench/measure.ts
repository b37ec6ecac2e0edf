/** A line of the table of results. */
export interface Row {
  readonly what: string;
  readonly figure: string;
  readonly bound?: string;
  readonly isMet?: boolean;
}

/** Runs the contestants in turn, so that whatever else the machine does falls on all of them; milliseconds of each. */
export async function sideBySide(
  rounds: number,
  ...contestants: readonly (() => Promise<number>)[]
): Promise<number[][]> {
  const times: number[][] = contestants.map(() => []);
  for (let round = -2; round < rounds; round++)
    for (const [i, contestant] of contestants.entries()) {
      const ms = await contestant();
      if (round >= 0) times[i]?.push(ms); // the first two rounds warm the caches
    }
  return times;
}

export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}
