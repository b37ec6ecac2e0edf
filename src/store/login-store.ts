import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Clock, LoginMemory, PushMark } from '../auth/ports.ts';
import type { ThrottleRecord } from '../policy/throttle.ts';
import { asMemoryError, openDatabase } from './database.ts';
import { LivePushes, type PushMarks } from './live-pushes.ts';
import { inTransaction } from './private-database.ts';

/**
 * The login memory on disk. It is opened when it is first needed and, should that fail, at the next need again, so that
 * a full disk heals without a restart; until then every method throws MemoryError. Once a write has failed, the next
 * need begins with a write, reading included: a login is to learn of the trouble before it asks for a code.
 *
 * What the digest of a used code is worth: it keeps codes out of backups and core dumps as plain text. It does not hold
 * against somebody who reads the database, who has the key too and tries a million codes in a second; by then those
 * codes are old.
 */
export class LoginStore implements LoginMemory {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #livePushes: PushMarks;
  #database: { readonly handle: DatabaseSync; readonly key: Buffer; readonly statements: Statements } | undefined;
  #writes = 0;
  #lastWriteFailed = false;

  /** @param livePushes of all processes that share the memory; if that is this one alone, its own */
  constructor(directory: string, clock: Clock, livePushes: PushMarks = new LivePushes()) {
    this.#directory = directory;
    this.#clock = clock;
    this.#livePushes = livePushes;
  }

  /** Throws now what the first login would throw later. */
  check(): void {
    this.#use(() => {});
  }

  close(): void {
    this.#database?.handle.close();
    this.#database = undefined;
  }

  atomically<T>(work: () => T): T {
    return this.#use((_statements, _digest, handle) => this.#transact(handle, work));
  }

  throttleOf(key: string): ThrottleRecord | undefined {
    const row = this.#use(({ throttleOf }) => throttleOf.get(key));
    if (row === undefined) return undefined;
    return { failures: Number(row['failures']), lastAt: Number(row['last_at']) };
  }

  setThrottle(key: string, record: ThrottleRecord | undefined): void {
    this.#write(({ setThrottle, dropThrottle }) => {
      if (record === undefined) dropThrottle.run(key);
      else setThrottle.run(key, record.failures, record.lastAt);
    });
  }

  /** The row of a code is its claim: SQLite lets one writer in at a time, so one of two claims finds it taken. */
  claimCode(trasaID: string, code: string, now: number, keepMs: number): boolean {
    return this.#write(({ forgetCodes, claimCode }, digest) => {
      forgetCodes.run(now - keepMs);
      return claimCode.run(digest(trasaID, code), now).changes === 1;
    });
  }

  releaseCode(trasaID: string, code: string): void {
    this.#write(({ releaseCode }, digest) => releaseCode.run(digest(trasaID, code)));
  }

  pushHeldUntil(trasaID: string): number {
    return untilOf(this.#use(({ pushHold }) => pushHold.get(trasaID)));
  }

  holdPush(trasaID: string, until: number): void {
    this.#write(({ holdPush }) => holdPush.run(trasaID, until));
  }

  beginPush(trasaID: string): PushMark | Promise<PushMark> {
    return this.#livePushes.begin(trasaID);
  }

  graceUntil(binding: string): number {
    return untilOf(this.#use(({ grace }) => grace.get(binding)));
  }

  grantGrace(binding: string, until: number): void {
    this.#write(({ grantGrace }) => grantGrace.run(binding, until));
  }

  #write<T>(work: (statements: Statements, digest: Digest) => T): T {
    return this.#use((statements, digest, handle) =>
      this.#transact(handle, () => {
        if (this.#writes++ % writesPerPurge === 0) purge(statements, this.#clock.now());
        return work(statements, digest);
      }),
    );
  }

  /** Within another transaction it is a part of that one. */
  #transact<T>(handle: DatabaseSync, work: () => T): T {
    if (handle.isTransaction) return work();
    try {
      const result = inTransaction(handle, work);
      this.#lastWriteFailed = false;
      return result;
    } catch (error) {
      this.#lastWriteFailed = true;
      throw error;
    }
  }

  #use<T>(work: (statements: Statements, digest: Digest, handle: DatabaseSync) => T): T {
    this.#database ??= this.#open();
    const { handle, key, statements } = this.#database;
    if (this.#lastWriteFailed)
      asMemoryError(join(this.#directory, 'logins.db'), () => this.#transact(handle, () => statements.touch.run()));
    const digest: Digest = (trasaID, code) =>
      createHmac('sha256', key)
        .update(JSON.stringify([trasaID, code]))
        .digest();
    return asMemoryError(join(this.#directory, 'logins.db'), () => work(statements, digest, handle));
  }

  #open(): { handle: DatabaseSync; key: Buffer; statements: Statements } {
    const handle = openDatabase(this.#directory);
    return asMemoryError(join(this.#directory, 'logins.db'), () => {
      const key = handle.prepare('SELECT key FROM secret').get()?.['key'];
      if (!(key instanceof Uint8Array) || key.length !== 32) throw new Error('the key of the used codes is missing');
      return { handle, key: Buffer.from(key), statements: prepare(handle) };
    });
  }
}

type Digest = (trasaID: string, code: string) => Buffer;
type Statements = ReturnType<typeof prepare>;

function prepare(handle: DatabaseSync) {
  return {
    throttleOf: handle.prepare('SELECT failures, last_at FROM throttle WHERE key = ?'),
    setThrottle: handle.prepare('INSERT OR REPLACE INTO throttle VALUES (?, ?, ?)'),
    dropThrottle: handle.prepare('DELETE FROM throttle WHERE key = ?'),
    forgetThrottles: handle.prepare('DELETE FROM throttle WHERE last_at < ?'),
    trimThrottles: handle.prepare(
      'DELETE FROM throttle WHERE key IN (SELECT key FROM throttle ORDER BY last_at DESC LIMIT -1 OFFSET ?)',
    ),
    claimCode: handle.prepare('INSERT INTO used_code VALUES (?, ?) ON CONFLICT DO NOTHING'),
    releaseCode: handle.prepare('DELETE FROM used_code WHERE digest = ?'),
    forgetCodes: handle.prepare('DELETE FROM used_code WHERE claimed_at <= ?'),
    pushHold: handle.prepare('SELECT until FROM push_hold WHERE person = ?'),
    holdPush: handle.prepare('INSERT OR REPLACE INTO push_hold VALUES (?, ?)'),
    forgetHolds: handle.prepare('DELETE FROM push_hold WHERE until <= ?'),
    grace: handle.prepare('SELECT until FROM grace WHERE binding = ?'),
    touch: handle.prepare('UPDATE secret SET id = id'),
    grantGrace: handle.prepare('INSERT OR REPLACE INTO grace VALUES (?, ?)'),
    forgetGraces: handle.prepare('DELETE FROM grace WHERE until <= ?'),
  };
}

const writesPerPurge = 500;
/** Longer than any hold lasts (policy/throttle.ts forgets by itself, much sooner). */
const throttleKeptMs = 7 * 24 * 3600 * 1000;
/** An attacker with many addresses fills no disk; the oldest go first. */
const maxThrottles = 100_000;

function purge(statements: Statements, now: number): void {
  statements.forgetThrottles.run(now - throttleKeptMs);
  statements.trimThrottles.run(maxThrottles);
  statements.forgetHolds.run(now);
  statements.forgetGraces.run(now);
}

function untilOf(row: Record<string, unknown> | undefined): number {
  return row === undefined ? 0 : Number(row['until']);
}
