import { statSync } from 'node:fs';
import { join } from 'node:path';
import { Secret } from '../otp/secret.ts';
import { isTimeStep, type TimeStep, type TotpParameters } from '../otp/totp.ts';
import { readMasterKey } from './master-key.ts';
import {
  type OfflineAccount,
  offlinePath,
  type RecoverySet,
  readOfflineFile,
  type SealedTotp,
} from './offline-file.ts';
import { type Mark, marksPath, OfflineMarks, readMarks } from './offline-marks.ts';
import { type Seal, sealUnder } from './seal.ts';

export interface OfflineTotp extends TotpParameters {
  readonly id: string;
  readonly expiresAt: number;
  readonly lastUsedStep: TimeStep | undefined;
}

export interface Prepared {
  readonly totp: OfflineTotp | undefined;
  readonly codes: RecoverySet | undefined;
}

export interface OfflineOptions {
  /** A use counts only if it is on the disk: this process will not be there to remember it. */
  readonly mustBeWritten: boolean;
}

/**
 * The prepared factors, as the daemon sees them: read when the daemon starts and whenever the file is another one, so that
 * what is revoked is revoked at once. What cannot be read leaves what was read before: the disk may be in trouble, and
 * that is what these factors are for. A file that is gone leaves nothing.
 */
export class OfflineCredentials {
  readonly #directory: string;
  readonly #warn: (text: string) => void;
  readonly #mustBeWritten: boolean;
  #accounts: readonly OfflineAccount[] = [];
  #marks: OfflineMarks | undefined;
  #marksFrom = '';
  #seal: Seal | undefined;
  #readFrom = '';
  #complaint = '';

  /** @param warn called for each new trouble */
  constructor(
    directory: string,
    warn: (text: string) => void,
    { mustBeWritten }: OfflineOptions = { mustBeWritten: false },
  ) {
    this.#directory = directory;
    this.#warn = warn;
    this.#mustBeWritten = mustBeWritten;
    this.#refresh();
  }

  /** Is there anything on this host that has not expired? */
  isPrepared(now: number): boolean {
    this.#refresh();
    return this.#accounts.some(({ totp, codes }) =>
      [totp, codes].some(one => one !== undefined && one.expiresAt > now),
    );
  }

  /** What there is for an account, expired or not. The disk may fail: then it is what there was when it was last read. */
  of(account: string): Prepared {
    this.#refresh();
    const found = this.#accounts.find(one => one.account === account);
    return {
      totp: found?.totp === undefined ? undefined : this.#unsealed(found.account, found.totp),
      codes: found?.codes,
    };
  }

  /** Marks a time step as used. False: it, or a newer one, was used before (RFC 6238 §5.2). */
  useStep(id: string, step: TimeStep, now: number): boolean {
    if (this.#marks === undefined || step <= this.#marks.newest(id)) return false;
    return this.#mark({ id, place: step, usedAt: now });
  }

  isUsed(id: string, place: number): boolean {
    return this.#marks?.has(id, place) !== false;
  }

  /** Marks a recovery code as used. False: it was used before, perhaps a moment ago by another login. */
  useCode(id: string, place: number, now: number): boolean {
    if (this.isUsed(id, place)) return false;
    return this.#mark({ id, place, usedAt: now });
  }

  /** Does it count? */
  #mark(mark: Mark): boolean {
    const trouble = this.#marks?.add(mark);
    if (trouble === undefined) return true;
    this.#warn(
      this.#mustBeWritten
        ? `${trouble}; no offline factor counts, as nobody would know that it was used`
        : `${trouble}; that an offline factor was used is known only until the daemon ends`,
    );
    return !this.#mustBeWritten;
  }

  #unsealed(account: string, { sealed, usedStep, ...totp }: SealedTotp): OfflineTotp | undefined {
    try {
      const secret = this.#seal?.open(Buffer.from(sealed, 'base64'), totpPlace(account, totp.id));
      if (secret === undefined) return undefined; // said when the key was read
      const last = Math.max(usedStep, this.#marks?.newest(totp.id) ?? -1);
      return {
        ...totp,
        secret: new Secret(secret.toString('ascii')),
        lastUsedStep: isTimeStep(last) ? last : undefined,
      };
    } catch {
      this.#complain(`the offline credential of ${account} was made with another key; revoke it, and enrol another`);
      return undefined;
    }
  }

  #refresh(): void {
    this.#readMarks();
    // Without them nobody knows what was used, and nothing counts.
    if (this.#marks === undefined) return;
    const from = identityOf(offlinePath(this.#directory));
    if (from === this.#readFrom) return;
    const file = readOfflineFile(this.#directory);
    if (file.kind === 'broken') return this.#complain(`${file.text}; what was read before goes on`);
    this.#readFrom = from;
    this.#accounts = file.kind === 'read' ? file.accounts : [];
    this.#readKey();
    const trouble = this.#marks.tidy(mark => this.#isNeeded(mark));
    if (trouble !== undefined) this.#complain(trouble);
  }

  #readMarks(): void {
    const from = identityOf(marksPath(this.#directory));
    if (from === this.#marksFrom) return;
    const marks = readMarks(this.#directory);
    if (typeof marks === 'string') return this.#complain(marks);
    this.#marks ??= new OfflineMarks(this.#directory);
    this.#marks.learn(marks);
    this.#marksFrom = from;
  }

  #readKey(): void {
    if (this.#accounts.every(({ totp }) => totp === undefined)) return;
    const key = readMasterKey(sealingKeyPath(this.#directory));
    if (key.kind === 'key') this.#seal = sealUnder(key.key);
    else this.#complain(key.text);
  }

  /** Of a time-based credential the newest step tells all. */
  #isNeeded({ id, place }: Mark): boolean {
    return this.#accounts.some(
      ({ totp, codes }) => codes?.id === id || (totp?.id === id && place === this.#marks?.newest(id)),
    );
  }

  #complain(text: string): void {
    if (text !== this.#complaint) this.#warn(text);
    this.#complaint = text;
  }
}

export function sealingKeyPath(directory: string): string {
  return join(directory, 'offline.key');
}

/** What a sealed secret is bound to: under another account it does not open. */
export function totpPlace(account: string, id: string): string {
  return `offline/${account}/${id}`;
}

/** Which file is it? Another text if it was changed or replaced; empty if there is none. */
function identityOf(path: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch (error) {
    return `none ${error instanceof Error && 'code' in error ? String(error.code) : ''}`;
  }
}
