/**
 * How many strangers may be at the door at once: in all, and from one address, so that whoever opens many connections
 * takes nobody's place but their own. OpenSSH's MaxStartups and PerSourceMaxStartups are the model.
 */
export class Startups {
  max: { readonly all: number; readonly perSource: number };
  readonly #bySource = new Map<string, number>();
  #all = 0;

  constructor(max: { readonly all: number; readonly perSource: number }) {
    this.max = max;
  }

  get count(): number {
    return this.#all;
  }

  /**
   * @param address undefined: of a balancer, which has not said yet for whom it speaks
   * @returns leaves; undefined if there is no room
   */
  enter(address: string | undefined): (() => void) | undefined {
    const source = address === undefined ? undefined : sourceOf(address);
    const mine = source === undefined ? 0 : (this.#bySource.get(source) ?? 0);
    if (this.#all >= this.max.all || mine >= this.max.perSource) return undefined;
    this.#all++;
    if (source !== undefined) this.#bySource.set(source, mine + 1);
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.#all--;
      if (source === undefined) return;
      const left = (this.#bySource.get(source) ?? 1) - 1;
      if (left === 0) this.#bySource.delete(source);
      else this.#bySource.set(source, left);
    };
  }
}

/** One household: an IPv4 address, or the first 64 bits of one of IPv6. */
export function sourceOf(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.replace(/%.*$/, '').split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const middle =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  const groups = [...left, ...middle, ...right].slice(0, 4);
  return `${groups.map(group => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
