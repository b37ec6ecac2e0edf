import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { asMemoryError } from './database.ts';
import { inTransaction, openPrivateDatabase } from './private-database.ts';

/** Entries at the proxy that wait for an administrator: the proxy asks, `trasa-agent proxy approvals` answers. */
export interface ApprovalRequest {
  readonly person: string;
  readonly account: string;
  readonly target: string;
  readonly client: string;
  /** Name of the policy that wants it. */
  readonly policy: string;
  /** How long an approval counts. */
  readonly lastsMs: number;
}

export interface Approval extends ApprovalRequest {
  /** Short, as it is told by phone. */
  readonly id: string;
  readonly askedAt: number;
  readonly state: 'waiting' | 'approved' | 'refused';
  /** Who said so; empty while it waits. */
  readonly decidedBy: string;
  readonly decidedAt: number;
}

/** In a file of its own, which several processes use; it is the proxy's user's alone. Throws MemoryError. */
export class Approvals {
  readonly #path: string;
  #database: DatabaseSync | undefined;

  constructor(directory: string) {
    this.#path = join(directory, 'approvals.db');
  }

  close(): void {
    this.#database?.close();
    this.#database = undefined;
  }

  /** The approval that counts for this person, account and service, whoever asked for it from wherever. */
  inForce(
    { person, account, target }: Pick<Approval, 'person' | 'account' | 'target'>,
    now: number,
  ): Approval | undefined {
    const sql = `SELECT * FROM approval WHERE person = ? AND account = ? AND target = ?
      AND state = 'approved' AND decided_at + lasts_ms > ? ORDER BY decided_at DESC LIMIT 1`;
    return this.#use(database => approvalIn(database.prepare(sql).get(person, account, target, now)));
  }

  /** A request that waits. Who asks again from the same address is not asked about twice, nor soon after a refusal. */
  ask(request: ApprovalRequest, now: number, newId: () => string): Approval {
    const { person, account, target, client, policy, lastsMs } = request;
    return this.#write(database => {
      database.prepare('DELETE FROM approval WHERE asked_at < ? AND decided_at + lasts_ms < ?').run(now - keptMs, now);
      const known = database
        .prepare(
          `SELECT * FROM approval WHERE person = ? AND account = ? AND target = ? AND client = ?
           AND ((state = 'waiting' AND asked_at > ?) OR (state = 'refused' AND decided_at > ?))`,
        )
        .get(person, account, target, client, now - waitsMs, now - refusedMs);
      const before = approvalIn(known);
      if (before !== undefined) return before;
      const id = newId();
      database
        .prepare("INSERT INTO approval VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'waiting', '', 0)")
        .run(id, person, account, target, client, policy, lastsMs, now);
      return { ...request, id, askedAt: now, state: 'waiting', decidedBy: '', decidedAt: 0 };
    });
  }

  find(id: string): Approval | undefined {
    return this.#use(database => approvalIn(database.prepare('SELECT * FROM approval WHERE id = ?').get(id)));
  }

  /** Those that wait, and those that are in force. */
  list(now: number): Approval[] {
    const sql = `SELECT * FROM approval WHERE (state = 'waiting' AND asked_at > ?)
      OR (state = 'approved' AND decided_at + lasts_ms > ?) ORDER BY asked_at`;
    return this.#use(database =>
      database
        .prepare(sql)
        .all(now - waitsMs, now)
        .map(row => approvalOf(row)),
    );
  }

  /** An approval can be taken back by a refusal, a refusal not. Undefined if nothing waits under that name. */
  decide(id: string, state: 'approved' | 'refused', by: string, now: number): Approval | undefined {
    return this.#write(database => {
      const before = this.find(id);
      const mayBe = state === 'refused' ? ['waiting', 'approved'] : ['waiting'];
      if (before === undefined || !mayBe.includes(before.state)) return undefined;
      if (before.state === 'waiting' && before.askedAt <= now - waitsMs) return undefined;
      const sql = 'UPDATE approval SET state = ?, decided_by = ?, decided_at = ? WHERE id = ?';
      database.prepare(sql).run(state, by, now, id);
      return { ...before, state, decidedBy: by, decidedAt: now };
    });
  }

  #write<T>(work: (database: DatabaseSync) => T): T {
    return this.#use(database => inTransaction(database, () => work(database)));
  }

  #use<T>(work: (database: DatabaseSync) => T): T {
    return asMemoryError(this.#path, () => {
      this.#database ??= openPrivateDatabase(this.#path, { version: 1, sql: schema });
      return work(this.#database);
    });
  }
}

/** So long can a request be answered after it was made: whoever gave up meanwhile has only to come again. */
const waitsMs = 15 * 60_000;
const refusedMs = 60_000;
const keptMs = 24 * 3_600_000;

const schema = `
  CREATE TABLE approval (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    account TEXT NOT NULL,
    target TEXT NOT NULL,
    client TEXT NOT NULL,
    policy TEXT NOT NULL,
    lasts_ms INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'approved', 'refused')),
    decided_by TEXT NOT NULL,
    decided_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX approval_of ON approval (person, account, target);
`;

type Row = Readonly<Record<string, unknown>>;

function approvalIn(row: Row | undefined): Approval | undefined {
  return row === undefined ? undefined : approvalOf(row);
}

function approvalOf(row: Row): Approval {
  const { state } = row;
  return {
    id: String(row['id']),
    person: String(row['person']),
    account: String(row['account']),
    target: String(row['target']),
    client: String(row['client']),
    policy: String(row['policy']),
    lastsMs: Number(row['lasts_ms']),
    askedAt: Number(row['asked_at']),
    state: state === 'approved' || state === 'refused' ? state : 'waiting',
    decidedBy: String(row['decided_by']),
    decidedAt: Number(row['decided_at']),
  };
}
