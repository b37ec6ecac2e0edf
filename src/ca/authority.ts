import { lstatSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { makePrivateFile } from '../host/private-file.ts';
import type { Secret } from '../otp/secret.ts';
import type { CertType } from '../ssh/certificate.ts';
import type { PublicKey } from '../ssh/public-key.ts';
import type { CaSigner } from '../ssh/sign-certificate.ts';
import type { ScryptCost } from '../store/scrypt.ts';
import { type Issues, openIssues } from './issues.ts';
import { type CaKeyType, type LockedKey, newKeyFile, readKeyFile, unlock } from './key-file.ts';
import { type CaResult, done, notInOrder, refused } from './result.ts';

/** A directory with the key files of the SSH User CA and the SSH Host CA, and the record of what they issued. */
export interface Authority {
  readonly directory: string;
  readonly issues: Issues;
  /** Undefined: there is no such CA. */
  readonly keys: Readonly<Record<CertType, LockedKey | undefined>>;
  close(): void;
}

/** A CA that can sign. */
export interface Issuer {
  readonly signer: CaSigner;
  readonly issues: Issues;
}

/** Makes the directory, and finds none of these CAs in it: one that is there stays, and is never made anew. */
export function prepareCas(directory: string, types: readonly CertType[]): CaResult<void> {
  const unsafe = makeDirectory(directory);
  if (unsafe !== undefined) return notInOrder(unsafe);
  for (const type of types) {
    const file = keyFileOf(directory, type);
    const before = readKeyFile(file, type);
    if (before.kind !== 'done') return before;
    if (before.value !== undefined) return thereIs(file, type);
  }
  return done(undefined);
}

/** Makes a CA. Its key file is whole or not there at all, whatever happens. */
export async function initCa(
  directory: string,
  type: CertType,
  keyType: CaKeyType,
  passphrase: Secret,
  cost?: ScryptCost,
): Promise<CaResult<PublicKey>> {
  const prepared = prepareCas(directory, [type]);
  if (prepared.kind !== 'done') return prepared;
  if (passphrase.length < minPassphraseLength)
    return refused(`a passphrase for a CA has at least ${minPassphraseLength} characters`);
  const file = keyFileOf(directory, type);
  if (!makePrivateFile(file, await newKeyFile(type, keyType, passphrase, cost))) return thereIs(file, type);
  const made = readKeyFile(file, type);
  if (made.kind !== 'done') return made;
  return made.value === undefined ? notInOrder(`${file}: was taken away`) : done(made.value.publicKey);
}

/** @param serialsAtOnce see {@link Issues} */
export function openAuthority(directory: string, serialsAtOnce = 1): CaResult<Authority> {
  const unsafe = unsafeDirectory(directory);
  if (unsafe !== undefined) return notInOrder(unsafe);
  const [user, host] = [
    readKeyFile(keyFileOf(directory, 'user'), 'user'),
    readKeyFile(keyFileOf(directory, 'host'), 'host'),
  ];
  if (user.kind !== 'done') return user;
  if (host.kind !== 'done') return host;
  const path = join(directory, 'ca.db');
  try {
    const issues = openIssues(path, serialsAtOnce);
    const keys = { user: user.value, host: host.value };
    return done({ directory, issues, keys, close: () => issues.close() });
  } catch (error) {
    return notInOrder(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export function caKey({ directory, keys }: Authority, type: CertType): CaResult<LockedKey> {
  const key = keys[type];
  return key === undefined
    ? notInOrder(`${directory}: there is no ${type} CA; make one with trasa-agent ca init --${type}`)
    : done(key);
}

export async function unlockCa(authority: Authority, type: CertType, passphrase: Secret): Promise<CaResult<Issuer>> {
  const key = caKey(authority, type);
  if (key.kind !== 'done') return key;
  const signer = await unlock(key.value, passphrase);
  return signer.kind === 'done' ? done({ signer: signer.value, issues: authority.issues }) : signer;
}

const minPassphraseLength = 12;

function thereIs(file: string, type: CertType): CaResult<never> {
  return refused(`${file}: there is a ${type} CA already, and it stays`);
}

function keyFileOf(directory: string, type: CertType): string {
  return join(directory, `ssh-${type}-ca.key`);
}

function makeDirectory(directory: string): string | undefined {
  try {
    mkdirSync(directory, { mode: 0o700, recursive: true });
  } catch (error) {
    return `${directory}: ${error instanceof Error ? error.message : String(error)}`;
  }
  return unsafeDirectory(directory);
}

function unsafeDirectory(directory: string): string | undefined {
  const entry = lstatSync(directory, { throwIfNoEntry: false });
  if (entry === undefined) return `${directory}: does not exist; trasa-agent ca init makes it`;
  if (!entry.isDirectory()) return `${directory}: is not a directory`;
  if ((entry.mode & 0o077) !== 0) return `${directory}: can be entered by others than its owner (chmod 0700)`;
  if (entry.uid === process.geteuid?.()) return undefined;
  return `${directory}: belongs to another user (id ${entry.uid}); be that user (setpriv, runuser) to work with it`;
}
