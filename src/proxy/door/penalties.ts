import { isWithin } from '../../ssh/source-address.ts';
import { sourceOf } from './startups.ts';

/** What a stranger did, and for how long that keeps their address out: OpenSSH's PerSourcePenalties. */
const penaltyMs = {
  /** A method failed. */
  'wrong-login': 5_000,
  /** Came and went without logging in. */
  'no-login': 1_000,
  /** Was not done within the time for a login. */
  'too-slow': 10_000,
} as const;

/** Below this nobody is kept out, so that a slip of the finger costs nothing. */
const minMs = 15_000;
const maxMs = 600_000;
const maxSources = 65_536;

export interface KeptOut {
  /** An address, or of IPv6 64 bits of one: `2001:db8:0:0::/64`. */
  readonly source: string;
  readonly until: number;
}

type Exempt = Parameters<typeof isWithin>[0];

/** Who is kept out for a while before a byte is read from them. Not kept over a restart; wrong codes and passwords are. */
export class Penalties {
  readonly #now: () => number;
  /** Blocks of addresses that many people come from. */
  exempt: Exempt;
  /** When it is all paid off. The oldest entries come first. */
  readonly #until = new Map<string, number>();

  constructor(now: () => number, exempt: Exempt) {
    this.#now = now;
    this.exempt = exempt;
  }

  add(address: string, deed: keyof typeof penaltyMs): void {
    if (isWithin(this.exempt, address)) return;
    const source = sourceOf(address);
    const now = this.#now();
    const before = Math.max(this.#until.get(source) ?? 0, now);
    this.#until.delete(source);
    this.#until.set(source, Math.min(before + penaltyMs[deed], now + maxMs));
    for (const [oldest, until] of this.#until) {
      if (until > now && this.#until.size <= maxSources) break;
      this.#until.delete(oldest);
    }
  }

  /** Who is kept out, and until when (milliseconds since 1970): those that come in again first are first. */
  get keptOut(): KeptOut[] {
    const now = this.#now();
    return [...this.#until]
      .map(([source, until]) => ({ source, until: until - minMs }))
      .filter(({ source, until }) => until >= now && !isWithin(this.exempt, source.replace('/64', '')))
      .toSorted((one, other) => one.until - other.until);
  }

  /** False: nothing was held against it. */
  forgive(address: string): boolean {
    return this.#until.delete(sourceOf(address));
  }

  /** Whoever is exempt by now is in again, whatever they did before. */
  isOut(address: string): boolean {
    if (isWithin(this.exempt, address)) return false;
    return (this.#until.get(sourceOf(address)) ?? 0) - this.#now() >= minMs;
  }
}
