/**
 * `offline.json` in the state directory: the factors that were prepared on this host, by account. Root's commands write
 * it, as the daemon's user; the daemon reads it. Secrets are sealed under `offline.key`, recovery codes are hashed.
 */
import { closeSync, fsyncSync, openSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { syncDirectory } from '../host/private-file.ts';
import { readSafely } from '../host/safe-open.ts';
import type { Algorithm, TotpParameters } from '../otp/totp.ts';
import { isAlgorithm, isObject, isTime, isUpTo, readList } from './offline-fields.ts';

export interface OfflineAccount {
  /** The user database's own spelling. */
  readonly account: string;
  readonly totp?: SealedTotp;
  readonly codes?: RecoverySet;
}

/** Times in milliseconds since 1970. */
interface Prepared {
  readonly id: string;
  readonly madeAt: number;
  readonly expiresAt: number;
}

export interface SealedTotp extends Prepared {
  /** Base64; see seal.ts. */
  readonly sealed: string;
  readonly algorithm: Algorithm;
  readonly digits: TotpParameters['digits'];
  readonly periodSeconds: number;
  /** The step of the code that confirmed the enrolment; -1 if none did. It, and what is older, opens nothing. */
  readonly usedStep: number;
}

/** Hashes of single-use codes, by scrypt (RFC 7914) with one salt: the codes have 70 bits of chance each. */
export interface RecoverySet extends Prepared {
  readonly salt: string;
  readonly N: number;
  readonly r: number;
  readonly p: number;
  /** Base64. Which of them are used is in the marks, by place. */
  readonly hashes: readonly string[];
}

export type OfflineFile =
  | { readonly kind: 'read'; readonly accounts: readonly OfflineAccount[] }
  | { readonly kind: 'missing' }
  /** One line for an administrator. */
  | { readonly kind: 'broken'; readonly text: string };

export function offlinePath(directory: string): string {
  return join(directory, 'offline.json');
}

export function readOfflineFile(directory: string): OfflineFile {
  const path = offlinePath(directory);
  const read = readSafely(path, { maxBytes, secret: true });
  if (read.kind === 'refused')
    return read.problem.cause === 'missing'
      ? { kind: 'missing' }
      : { kind: 'broken', text: `${path}: ${read.problem.text}` };
  const accounts = parse(read.text);
  return accounts === undefined
    ? { kind: 'broken', text: `${path}: is damaged, or of another version` }
    : { kind: 'read', accounts };
}

/**
 * Changes the file: one at a time, and the new one is there whole or not at all. A string says why it was not changed.
 *
 * @param edit given all accounts, gives all accounts
 */
export function editOfflineFile(
  directory: string,
  edit: (accounts: readonly OfflineAccount[]) => readonly OfflineAccount[],
): string | undefined {
  const path = offlinePath(directory);
  const draft = `${path}.new`; // whoever makes it may write
  let fd: number;
  try {
    fd = openSync(draft, 'wx', 0o600);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) return messageOf(error, draft);
    return `${draft} is there: another command is at work. If none is, remove it and try again`;
  }
  let isRenamed = false; // by then there may be another's draft
  try {
    const found = readOfflineFile(directory);
    if (found.kind === 'broken') return found.text;
    const accounts = edit(found.kind === 'read' ? found.accounts : []);
    writeFileSync(fd, `${JSON.stringify({ version, accounts }, undefined, 1)}\n`);
    fsyncSync(fd);
    renameSync(draft, path);
    isRenamed = true;
    syncDirectory(path);
    return undefined;
  } catch (error) {
    return messageOf(error, path);
  } finally {
    closeSync(fd);
    if (!isRenamed) unlinkSync(draft);
  }
}

const version = 1;
const maxBytes = 16 * 1024 ** 2;

function messageOf(error: unknown, path: string): string {
  return `${path}: ${error instanceof Error ? error.message : String(error)}`;
}

function parse(text: string): readonly OfflineAccount[] | undefined {
  try {
    const file: unknown = JSON.parse(text);
    if (!isObject(file) || file['version'] !== version) return undefined;
    return readList(file['accounts'], readAccount);
  } catch {
    return undefined;
  }
}

function readAccount(value: unknown): OfflineAccount | undefined {
  if (!isObject(value)) return undefined;
  const { account, totp, codes } = value;
  const readTotp = totp === undefined ? undefined : totpOf(totp);
  const readCodes = codes === undefined ? undefined : codesOf(codes);
  if (typeof account !== 'string' || (totp !== undefined && readTotp === undefined)) return undefined;
  if (codes !== undefined && readCodes === undefined) return undefined;
  return {
    account,
    ...(readTotp !== undefined && { totp: readTotp }),
    ...(readCodes !== undefined && { codes: readCodes }),
  };
}

function totpOf(value: unknown): SealedTotp | undefined {
  const prepared = preparedOf(value);
  if (prepared === undefined || !isObject(value)) return undefined;
  const { sealed, algorithm, digits, periodSeconds, usedStep } = value;
  if (typeof sealed !== 'string' || !isAlgorithm(algorithm) || !isUpTo(3600, periodSeconds)) return undefined;
  if (digits !== 6 && digits !== 7 && digits !== 8) return undefined;
  if (typeof usedStep !== 'number' || !Number.isSafeInteger(usedStep)) return undefined;
  return { ...prepared, sealed, algorithm, digits, periodSeconds, usedStep };
}

function codesOf(value: unknown): RecoverySet | undefined {
  const prepared = preparedOf(value);
  if (prepared === undefined || !isObject(value)) return undefined;
  const { salt, N, r, p } = value;
  const hashes = readList(value['hashes'], hash => (typeof hash === 'string' ? hash : undefined));
  if (typeof salt !== 'string' || !isUpTo(2 ** 20, N) || !isUpTo(32, r) || !isUpTo(16, p)) return undefined;
  if (!Number.isInteger(Math.log2(N)) || N === 1) return undefined; // RFC 7914 §6
  return hashes === undefined ? undefined : { ...prepared, salt, N, r, p, hashes };
}

function preparedOf(value: unknown): Prepared | undefined {
  if (!isObject(value)) return undefined;
  const { id, madeAt, expiresAt } = value;
  // The id is a word of a line of the marks.
  if (typeof id !== 'string' || !/^[0-9a-f-]{36}$/.test(id)) return undefined;
  return isTime(madeAt) && isTime(expiresAt) ? { id, madeAt, expiresAt } : undefined;
}
