import { randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { Secret } from '../../otp/secret.ts';
import type { TimeStep, TotpParameters } from '../../otp/totp.ts';
import type { Seal } from '../../store/seal.ts';
import { bytesOf, numberOf, optionalNumberOf, type Row, textOf } from './row.ts';

export interface TotpCredential extends TotpParameters {
  readonly id: string;
  /** The newest step that was ever accepted. */
  readonly lastUsedStep: TimeStep | undefined;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

export class TotpCredentials {
  readonly #database: DatabaseSync;
  readonly #seal: Seal;
  readonly #ofPerson;
  readonly #use;

  constructor(database: DatabaseSync, seal: Seal) {
    this.#database = database;
    this.#seal = seal;
    this.#ofPerson = database.prepare('SELECT * FROM totp_credentials WHERE person = ? ORDER BY created_at, id');
    this.#use = database.prepare(
      'UPDATE totp_credentials SET last_used_step = ?1 WHERE id = ?2 AND coalesce(last_used_step, -1) < ?1',
    );
  }

  /** Throws if a secret cannot be unsealed: another master key, or somebody changed the row. */
  ofPerson(person: string): TotpCredential[] {
    return this.#ofPerson.all(person).map(row => this.#credentialOf(row));
  }

  /** @param usedStep the step of the code that confirmed the enrolment; it opens nothing any more */
  add(person: string, parameters: TotpParameters, usedStep: TimeStep | undefined, now: number): string {
    const id = randomUUID();
    const sealed = this.#seal.close(Buffer.from(parameters.secret.expose(), 'ascii'), place(id));
    this.#database
      .prepare('INSERT INTO totp_credentials VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
      .run(
        id,
        person,
        sealed,
        parameters.algorithm,
        parameters.digits,
        parameters.periodSeconds,
        usedStep ?? null,
        now,
      );
    return id;
  }

  /** Marks a step as used. False: it, or a newer one, was used before, perhaps a moment ago by another request. */
  use(id: string, step: TimeStep): boolean {
    return this.#use.run(step, id).changes === 1;
  }

  /** False if there was none. */
  remove(id: string): boolean {
    return this.#database.prepare('DELETE FROM totp_credentials WHERE id = ?').run(id).changes === 1;
  }

  #credentialOf(row: Row): TotpCredential {
    const id = textOf(row, 'id');
    return {
      id,
      secret: new Secret(this.#seal.open(bytesOf(row, 'secret'), place(id)).toString('ascii')),
      algorithm: oneOf(algorithms, textOf(row, 'algorithm')),
      digits: oneOf(digits, numberOf(row, 'digits')),
      periodSeconds: numberOf(row, 'period_seconds'),
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- use() writes nothing else there
      lastUsedStep: optionalNumberOf(row, 'last_used_step') as TimeStep | undefined,
      createdAt: numberOf(row, 'created_at'),
    };
  }
}

const algorithms = ['sha1', 'sha256', 'sha512'] as const;
const digits = [6, 7, 8] as const;

function oneOf<T>(known: readonly T[], value: unknown): T {
  const found = known.find(one => one === value);
  if (found === undefined) throw new TypeError('a TOTP credential that we did not make');
  return found;
}

/** What a sealed secret is bound to: moved to another row it does not open. */
function place(id: string): string {
  return `totp_credentials/${id}/secret`;
}
