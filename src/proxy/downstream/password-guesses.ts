import type { Clock, LoginMemory } from '../../auth/ports.ts';
import { addressKey } from '../../auth/throttle-keys.ts';
import { afterFailure, afterTakingBack, heldUntil, type ThrottleLimits } from '../../policy/throttle.ts';
import { passwordKey } from '../../store/password-key.ts';

/** Wrong passwords, per person and per address, in the same memory and by the same rule as wrong codes. */
export class PasswordGuesses {
  readonly #memory: LoginMemory;
  readonly #limits: ThrottleLimits;
  readonly #clock: Clock;

  constructor(memory: LoginMemory, limits: ThrottleLimits, clock: Clock) {
    this.#memory = memory;
    this.#limits = limits;
    this.#clock = clock;
  }

  /** 0: no hold. */
  heldSeconds(person: string, address: string): number {
    const now = this.#clock.now();
    const { accountFreeTries, addressFreeTries } = this.#limits;
    const holds = [
      heldUntil(this.#memory.throttleOf(passwordKey(person)), accountFreeTries, this.#limits, now),
      heldUntil(this.#memory.throttleOf(addressKey(address)), addressFreeTries, this.#limits, now),
    ];
    return Math.max(0, Math.ceil((Math.max(...holds) - now) / 1000));
  }

  /** Counts a password as wrong before it is known: what is tried at the same time is counted at the same time. */
  count(person: string, address: string): () => void {
    const now = this.#clock.now();
    const undo = [passwordKey(person), addressKey(address)].map(key => {
      const before = this.#memory.throttleOf(key);
      const counted = afterFailure(before, now, this.#limits);
      this.#memory.setThrottle(key, counted);
      return () => this.#memory.setThrottle(key, afterTakingBack(this.#memory.throttleOf(key), before, counted));
    });
    return () => {
      for (const takeBack of undo) takeBack();
    };
  }
}
