import { statfs } from 'node:fs/promises';

/** Of statfs(2): `bavail` blocks of `bsize` bytes are free for everybody, of `blocks`. */
export type StatFs = (path: string) => Promise<{ bsize: number; blocks: number; bavail: number }>;

/**
 * Keeps recordings from filling the disk: it may be the one with what must be remembered between logins, and without
 * that nobody comes in any more. All recordings share one tally, so that many at once are looked after like one.
 */
export class DiskSpace {
  readonly #statfs: StatFs;
  #unchecked = Infinity;

  constructor(ask: StatFs = statfs) {
    this.#statfs = ask;
  }

  /** Before `bytes` are written in `directory`. Throws if the disk is too full for recordings. */
  async take(directory: string, bytes: number): Promise<void> {
    this.#unchecked += bytes;
    if (this.#unchecked > betweenChecks) await this.check(directory);
  }

  async check(directory: string): Promise<void> {
    if (spareBytes(await this.#statfs(directory)) < 0) throw new DiskTooFull(directory);
    this.#unchecked = 0;
  }
}

/** What recordings may take; negative: there is too little. */
export function spareBytes({ bsize, blocks, bavail }: Awaited<ReturnType<StatFs>>): number {
  return bavail * bsize - Math.min(keptFree, (blocks * bsize) / 20);
}

export class DiskTooFull extends Error {
  override readonly name = 'DiskTooFull';

  constructor(directory: string) {
    super(`${directory}: the disk is too full for recordings`);
  }
}

/** Left to others; on a disk of less than 5 GiB, 5 % of it. */
const keptFree = 256 * 1024 ** 2;
const betweenChecks = 4 * 1024 ** 2;
