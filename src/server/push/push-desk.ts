import { randomBytes } from 'node:crypto';

/** What a device shows of a login. Claims of the asking host, cleaned of control characters; each may be empty. */
export interface PushFacts {
  readonly account: string;
  readonly service: string;
  readonly hostname: string;
  readonly clientAddress: string;
  /** Shown to the person where they log in, too. */
  readonly number: string;
  readonly command: string;
  readonly keyFingerprint: string;
  readonly door: string;
  readonly tty: string;
  readonly attempt: string;
  /** Milliseconds since 1970. */
  readonly askedAt: number;
}

/** A push that waits for its answer. */
export interface Push {
  /** 256 random bits in hex; a device signs it. Told to the person's devices only. */
  readonly challenge: string;
  readonly person: string;
  readonly devices: readonly string[];
  readonly facts: PushFacts;
}

export type PushEnd =
  | { readonly kind: 'approved' | 'refused'; readonly device: string }
  | { readonly kind: 'expired' | 'cancelled' | 'already-waiting' | 'too-many' };

export interface PushLimits {
  /** How long a push waits. TRASA: 60 s. */
  readonly holdMs: number;
  /** Pushes that wait at once, of all people. */
  readonly maxHeld: number;
}

interface Held {
  readonly push: Push;
  /** Ends the push at once, so that the next look finds nothing. False if it had ended before. */
  readonly end: (how: PushEnd) => boolean;
}

/** Runs something later; returns how to call it off. */
export type Timer = (afterMs: number, run: () => void) => () => void;

/**
 * The pushes that wait for an answer, each held by the request that asked for it. In memory: a push does not outlive
 * its request, nor a request the server. One live push per person: two could be told apart by nobody.
 */
export class PushDesk {
  readonly #limits: PushLimits;
  readonly #timer: Timer;
  readonly #held = new Map<string, Held>();
  readonly #watchers = new Set<() => void>();
  #closed = false;

  constructor(limits: PushLimits, timer: Timer) {
    this.#limits = limits;
    this.#timer = timer;
  }

  /** Waits for the answer of one of the person's devices. When `signal` aborts, the push vanishes from them. */
  async hold(person: string, devices: readonly string[], facts: PushFacts, signal: AbortSignal): Promise<PushEnd> {
    if (signal.aborted || this.#closed) return { kind: 'cancelled' };
    if (this.#held.size >= this.#limits.maxHeld) return { kind: 'too-many' };
    if (this.#ofPerson(person)) return { kind: 'already-waiting' };

    const challenge = randomBytes(32).toString('hex');
    const { promise, resolve } = Promise.withResolvers<PushEnd>();
    const end = (how: PushEnd) => {
      if (!this.#held.delete(challenge)) return false;
      resolve(how);
      this.#changed();
      return true;
    };
    const cancel = () => end({ kind: 'cancelled' });
    const callOff = this.#timer(this.#limits.holdMs, () => end({ kind: 'expired' }));
    signal.addEventListener('abort', cancel, { once: true });
    this.#held.set(challenge, { push: { challenge, person, devices, facts }, end });
    this.#changed();
    try {
      return await promise;
    } finally {
      callOff();
      signal.removeEventListener('abort', cancel);
    }
  }

  find(challenge: string): Push | undefined {
    return this.#held.get(challenge)?.push;
  }

  /** The answer of a device that proved itself. The first one counts. False: nobody waits for it any more. */
  answer(challenge: string, device: string, kind: 'approved' | 'refused'): boolean {
    return this.#held.get(challenge)?.end({ kind, device }) ?? false;
  }

  pushesFor(device: string): Push[] {
    return [...this.#held.values()].map(({ push }) => push).filter(push => push.devices.includes(device));
  }

  /** Waits until the pushes of a device are others than it knows, or `signal` aborts. */
  async change(device: string, known: readonly string[], signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#closed && this.#same(device, known)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = () => resolve();
      this.#watchers.add(wake);
      signal.addEventListener('abort', wake, { once: true });
      await promise;
      this.#watchers.delete(wake);
      signal.removeEventListener('abort', wake);
    }
  }

  /** Settles when no push waits. */
  async idle(): Promise<void> {
    while (this.#held.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#watchers.add(resolve);
      await promise;
      this.#watchers.delete(resolve);
    }
  }

  /** Cancels what waits and takes nothing more. */
  close(): void {
    this.#closed = true;
    for (const { end } of this.#held.values()) end({ kind: 'cancelled' });
    this.#changed();
  }

  #ofPerson(person: string): boolean {
    return [...this.#held.values()].some(({ push }) => push.person === person);
  }

  #same(device: string, known: readonly string[]): boolean {
    const present = this.pushesFor(device);
    return present.length === known.length && present.every(({ challenge }) => known.includes(challenge));
  }

  #changed(): void {
    for (const wake of this.#watchers) wake();
  }
}
