/** For the administrator: whom the login memory holds off, to whom it gives a grace, and how to end both. */
import { hash } from 'node:crypto';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { accountKey, addressKey, personKey, pushKey } from '../auth/throttle-keys.ts';
import { heldUntil, pushFreeTries, type ThrottleLimits } from '../policy/throttle.ts';
import { asMemoryError, openDatabase } from './database.ts';
import { passwordKey } from './password-key.ts';

export interface Hold {
  readonly what: 'account' | 'person' | 'address' | 'push' | 'password';
  /** Of a password only a hash is kept: what was typed as a name may have been one. */
  readonly who: string;
  readonly failures: number;
  /** Milliseconds since 1970; 0: counted, and not held off yet. */
  readonly until: number;
}

/** Not asked for a factor again, until then. */
export interface Grace {
  /** Eight hexadecimal digits of what it is bound to. */
  readonly id: string;
  readonly account: string;
  readonly address: string;
  readonly key: string | null;
  /** At the proxy. */
  readonly person?: string;
  readonly target?: string;
  readonly until: number;
}

export class Remembered {
  readonly #file: string;
  readonly #handle: DatabaseSync;

  /** Throws MemoryError. */
  constructor(directory: string) {
    this.#file = join(directory, 'logins.db');
    this.#handle = openDatabase(directory);
  }

  close(): void {
    this.#handle.close();
  }

  /** Those with failures that still count, the longest first. */
  holds(limits: ThrottleLimits, now: number): Hold[] {
    const counted = this.#all('SELECT key, failures, last_at FROM throttle').flatMap(row => {
      const [, what = '', who = ''] = /^(\w+):(.*)$/s.exec(String(row['key'])) ?? [];
      const record = { failures: Number(row['failures']), lastAt: Number(row['last_at']) };
      const kind = kinds.find(known => known === what);
      if (kind === undefined || now - record.lastAt > 2 * limits.maxHoldMs) return [];
      const until = heldUntil(record, freeTries(kind, limits), limits, now);
      return [{ what: kind, who, failures: record.failures, until: until > now ? until : 0 }];
    });
    const refused = this.#all('SELECT person, until FROM push_hold')
      .map(row => ({ what: 'push' as const, who: String(row['person']), failures: 1, until: Number(row['until']) }))
      .filter(({ until }) => until > now);
    return [...counted, ...refused].toSorted((a, b) => b.until - a.until);
  }

  /** Forgets the failures of an account, a person or an address. @returns whether there were any */
  release(who: string): boolean {
    const keys = [accountKey, personKey, addressKey, pushKey, passwordKey].map(keyOf => keyOf(who));
    return asMemoryError(this.#file, () => {
      const forgotten = keys.map(key => this.#handle.prepare('DELETE FROM throttle WHERE key = ?').run(key).changes);
      forgotten.push(this.#handle.prepare('DELETE FROM push_hold WHERE person = ?').run(who).changes);
      return forgotten.some(changes => changes > 0);
    });
  }

  graces(now: number): Grace[] {
    return this.#all('SELECT binding, until FROM grace ORDER BY until')
      .map(row => graceOf(String(row['binding']), Number(row['until'])))
      .filter(grace => grace !== undefined)
      .filter(({ until }) => until > now);
  }

  /** @returns how many were ended */
  revoke(graces: readonly Pick<Grace, 'id'>[]): number {
    const bindings = this.#all('SELECT binding FROM grace')
      .map(row => String(row['binding']))
      .filter(binding => graces.some(({ id }) => id === idOf(binding)));
    return asMemoryError(this.#file, () => {
      const forget = this.#handle.prepare('DELETE FROM grace WHERE binding = ?');
      return bindings.filter(binding => forget.run(binding).changes > 0).length;
    });
  }

  #all(sql: string): Record<string, unknown>[] {
    return asMemoryError(this.#file, () => this.#handle.prepare(sql).all());
  }
}

const kinds = ['account', 'person', 'address', 'push', 'password'] as const;

function freeTries(kind: Hold['what'], { accountFreeTries, addressFreeTries }: ThrottleLimits): number {
  if (kind === 'push') return pushFreeTries;
  return kind === 'address' ? addressFreeTries : accountFreeTries;
}

/** The other way round than `graceBinding` of auth/login.ts. Undefined for what is none. */
function graceOf(binding: string, until: number): Grace | undefined {
  const parts: unknown = JSON.parse(binding);
  if (!Array.isArray(parts)) return undefined;
  const [account, address, key, person, target] = parts.map(part => (part === null ? null : String(part)));
  if (typeof account !== 'string' || typeof address !== 'string') return undefined;
  const through = typeof person === 'string' && typeof target === 'string' ? { person, target } : {};
  return { id: idOf(binding), account, address, key: key ?? null, ...through, until };
}

function idOf(binding: string): string {
  return hash('sha256', binding, 'hex').slice(0, 8);
}
