import type { LoginMemory } from '../auth/ports.ts';
import type { ThrottleRecord } from '../policy/throttle.ts';
import { LivePushes } from './live-pushes.ts';

/** Entries of each kind; the oldest go first. An attacker with many addresses fills no memory. */
const maxEntries = 10_000;

/** A login memory without a disk, for as long as the process lives: what stands in while {@link LoginStore} fails. */
export class VolatileMemory implements LoginMemory {
  readonly #throttles = new Map<string, ThrottleRecord>();
  /** Until when they count as used. */
  readonly #codes = new Map<string, number>();
  readonly #pushHolds = new Map<string, number>();
  readonly #livePushes = new LivePushes();
  readonly #graces = new Map<string, number>();

  atomically<T>(work: () => T): T {
    return work(); // nobody else has it
  }

  throttleOf(key: string): ThrottleRecord | undefined {
    return this.#throttles.get(key);
  }

  setThrottle(key: string, record: ThrottleRecord | undefined): void {
    this.#throttles.delete(key);
    if (record !== undefined) put(this.#throttles, key, record);
  }

  claimCode(owner: string, code: string, now: number, keepMs: number): boolean {
    const key = JSON.stringify([owner, code]);
    if ((this.#codes.get(key) ?? 0) > now) return false;
    put(this.#codes, key, now + keepMs);
    return true;
  }

  releaseCode(owner: string, code: string): void {
    this.#codes.delete(JSON.stringify([owner, code]));
  }

  pushHeldUntil(target: string): number {
    return this.#pushHolds.get(target) ?? 0;
  }

  holdPush(target: string, until: number): void {
    put(this.#pushHolds, target, until);
  }

  beginPush(target: string): (() => void) | undefined {
    return this.#livePushes.begin(target);
  }

  graceUntil(binding: string): number {
    return this.#graces.get(binding) ?? 0;
  }

  grantGrace(binding: string, until: number): void {
    put(this.#graces, binding, until);
  }
}

/** At the end, where the youngest are. */
function put<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= maxEntries) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
