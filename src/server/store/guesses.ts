import type { DatabaseSync } from 'node:sqlite';
import { afterFailure, heldUntil, type ThrottleLimits, type ThrottleRecord } from '../../policy/throttle.ts';
import { numberOf } from './row.ts';

/** Wrong codes and passwords in a row, per person and kind; kept over a restart. */
export class Guesses {
  readonly #limits: ThrottleLimits;
  readonly #get;
  readonly #set;
  readonly #clear;
  readonly #prune;

  constructor(database: DatabaseSync, limits: ThrottleLimits) {
    this.#limits = limits;
    this.#get = database.prepare('SELECT failures, last_at FROM throttle WHERE key = ?');
    this.#set = database.prepare('INSERT OR REPLACE INTO throttle VALUES (?, ?, ?)');
    this.#clear = database.prepare('DELETE FROM throttle WHERE key = ?');
    this.#prune = database.prepare('DELETE FROM throttle WHERE last_at < ?');
  }

  /** May no guess be looked at now? */
  held(kind: 'totp' | 'password', who: string, now: number): boolean {
    return now < heldUntil(this.#record(`${kind}:${who}`), this.#limits.accountFreeTries, this.#limits, now);
  }

  wrong(kind: 'totp' | 'password', who: string, now: number): void {
    this.#prune.run(now - 2 * this.#limits.maxHoldMs); // the same age at which afterFailure() forgets
    const record = afterFailure(this.#record(`${kind}:${who}`), now, this.#limits);
    this.#set.run(`${kind}:${who}`, record.failures, record.lastAt);
  }

  right(kind: 'totp' | 'password', who: string): void {
    this.#clear.run(`${kind}:${who}`);
  }

  #record(key: string): ThrottleRecord | undefined {
    const row = this.#get.get(key);
    return row === undefined ? undefined : { failures: numberOf(row, 'failures'), lastAt: numberOf(row, 'last_at') };
  }
}
