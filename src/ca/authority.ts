import { fileExists, makePrivateFile } from '../host/private-file.ts';
import type { Secret } from '../otp/secret.ts';
import type { CertType } from '../ssh/certificate.ts';
import type { PublicKey } from '../ssh/public-key.ts';
import type { CaSigner } from '../ssh/sign-certificate.ts';
import { algorithmOf } from '../ssh/signature.ts';
import type { ScryptCost } from '../store/scrypt.ts';
import { agentSigner } from './agent-signer.ts';
import { keyFileOf, makeDirectory, nextKeyFileOf, recordsOf, unsafeDirectory } from './directory.ts';
import { type Issues, openIssues } from './issues.ts';
import {
  type CaKeyType,
  type LockedKey,
  newKeyFile,
  type Outsider,
  outsideKeyFile,
  readKeyFile,
  unlock,
} from './key-file.ts';
import { type CaResult, done, notInOrder, refused, trying } from './result.ts';

/** A directory with the key files of the SSH User CA and the SSH Host CA, and the record of what they issued. */
export interface Authority {
  readonly directory: string;
  readonly issues: Issues;
  /** Undefined: there is no such CA. */
  readonly keys: Keys;
  /** In a rotation: those that will sign. */
  readonly nextKeys: Keys;
  close(): void;
}

type Keys = Readonly<Record<CertType, LockedKey | undefined>>;

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
  const records = openRecords(directory, 1); // before any key: where there is a key, there are records
  if (records.kind !== 'done') return records;
  records.value.close();
  return await makeKey(keyFileOf(directory, type), type, keyType, passphrase, cost);
}

/** The same with a key that somebody else has. */
export function initCaOutside(
  directory: string,
  type: CertType,
  publicKey: PublicKey,
  keeper: Outsider,
): CaResult<PublicKey> {
  const prepared = prepareCas(directory, [type]);
  if (prepared.kind !== 'done') return prepared;
  const records = openRecords(directory, 1);
  if (records.kind !== 'done') return records;
  records.value.close();
  return placeOutsideKey(keyFileOf(directory, type), type, publicKey, keeper);
}

export function placeOutsideKey(
  file: string,
  type: CertType,
  publicKey: PublicKey,
  keeper: Outsider,
): CaResult<PublicKey> {
  if (algorithmOf(publicKey.type) === undefined) return refused(`a ${publicKey.type} key can be no CA`);
  return placeKeyFile(file, type, outsideKeyFile(type, publicKey, keeper));
}

/** Makes a key file, unless there is one. */
export async function makeKey(
  file: string,
  type: CertType,
  keyType: CaKeyType,
  passphrase: Secret,
  cost?: ScryptCost,
): Promise<CaResult<PublicKey>> {
  if (passphrase.length < minPassphraseLength)
    return refused(`a passphrase for a CA has at least ${minPassphraseLength} characters`);
  return placeKeyFile(file, type, await newKeyFile(type, keyType, passphrase, cost));
}

function placeKeyFile(file: string, type: CertType, text: string): CaResult<PublicKey> {
  return trying(file, () => {
    if (!makePrivateFile(file, text)) return thereIs(file, type);
    const made = readKeyFile(file, type);
    if (made.kind !== 'done') return made;
    return made.value === undefined ? notInOrder(`${file}: was taken away`) : done(made.value.publicKey);
  });
}

/** @param serialsAtOnce see {@link Issues} */
export function openAuthority(directory: string, serialsAtOnce = 1): CaResult<Authority> {
  const unsafe = unsafeDirectory(directory);
  if (unsafe !== undefined) return notInOrder(unsafe);
  const keys = readKeys(directory, keyFileOf);
  if (keys.kind !== 'done') return keys;
  const nextKeys = readKeys(directory, nextKeyFileOf);
  if (nextKeys.kind !== 'done') return nextKeys;
  // New records would count their serials from 1 again, and forget what was revoked.
  if (!fileExists(recordsOf(directory)))
    return notInOrder(
      `${recordsOf(directory)}: is not there; trasa-agent ca init makes it, later only a backup has it`,
    );
  const records = openRecords(directory, serialsAtOnce);
  if (records.kind !== 'done') return records;
  const { value: issues } = records;
  return done({ directory, issues, keys: keys.value, nextKeys: nextKeys.value, close: () => issues.close() });
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

/** @param socket of the agent that has the CA's key */
export function issuerByAgent(authority: Authority, type: CertType, socket: string): CaResult<Issuer> {
  const key = caKey(authority, type);
  if (key.kind !== 'done') return key;
  return done({ signer: agentSigner(socket, key.value.publicKey), issues: authority.issues });
}

/** What opens a CA, asked for only where it is needed. */
export interface Means {
  passphrase(): Promise<CaResult<Secret>>;
  /** Of a token. */
  pin(): Promise<CaResult<Secret>>;
  /** Of an ssh-agent. */
  socket(): CaResult<string>;
}

/** A CA that can sign, whoever keeps its key. */
export async function openIssuer(authority: Authority, type: CertType, means: Means): Promise<CaResult<Issuer>> {
  const key = caKey(authority, type);
  if (key.kind !== 'done') return key;
  if (key.value.keeper.kind === 'ssh-agent') {
    const socket = means.socket();
    return socket.kind === 'done' ? issuerByAgent(authority, type, socket.value) : socket;
  }
  const secret = await (key.value.keeper.kind === 'token' ? means.pin() : means.passphrase());
  return secret.kind === 'done' ? await unlockCa(authority, type, secret.value) : secret;
}

const minPassphraseLength = 12;

function thereIs(file: string, type: CertType): CaResult<never> {
  return refused(`${file}: there is a ${type} CA already, and it stays`);
}

function readKeys(directory: string, fileOf: (directory: string, type: CertType) => string): CaResult<Keys> {
  const user = readKeyFile(fileOf(directory, 'user'), 'user');
  if (user.kind !== 'done') return user;
  const host = readKeyFile(fileOf(directory, 'host'), 'host');
  return host.kind === 'done' ? done({ user: user.value, host: host.value }) : host;
}

function openRecords(directory: string, serialsAtOnce: number): CaResult<Issues> {
  const path = recordsOf(directory);
  try {
    return done(openIssues(path, serialsAtOnce));
  } catch (error) {
    return notInOrder(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
