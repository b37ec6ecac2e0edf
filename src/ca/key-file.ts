/**
 * The private key of a CA at rest: PKCS #8, encrypted with AES-256-GCM under a key that scrypt makes of a passphrase. The
 * public half stands beside it in the clear, and is authenticated with it: neither can be exchanged alone.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { readSafely } from '../host/safe-open.ts';
import type { Secret } from '../otp/secret.ts';
import type { CertType } from '../ssh/certificate.ts';
import { parsePublicKeyLine, publicKeyLine } from '../ssh/key-line.ts';
import { encodePublicKey, type PublicKey } from '../ssh/public-key.ts';
import type { CaSigner } from '../ssh/sign-certificate.ts';
import { deriveKey, type ScryptCost } from '../store/scrypt.ts';
import { masterKeyBytes, sealUnder } from '../store/seal.ts';
import { publicKeyOf, signerOf } from './node-crypto.ts';
import { type CaResult, done, notInOrder } from './result.ts';
import { tokenSigner } from './token.ts';

export type CaKeyType = 'ed25519' | 'ecdsa-256' | 'ecdsa-384' | 'ecdsa-521' | 'rsa-3072' | 'rsa-4096';

/** A CA's key, still locked. */
export interface LockedKey {
  readonly file: string;
  readonly type: CertType;
  readonly publicKey: PublicKey;
  readonly keeper: Keeper;
}

/** Who has the private half: this file, under a passphrase, or somebody else. */
export type Keeper = { readonly kind: 'passphrase'; readonly sealed: Sealed } | Outsider;

/** Nothing secret is on disk. */
export type Outsider =
  | { readonly kind: 'ssh-agent' }
  /** `provider`: the module of PKCS #11 by which the token is reached. */
  | { readonly kind: 'token'; readonly provider: string };

interface Sealed {
  readonly salt: Buffer;
  readonly cost: ScryptCost;
  readonly bytes: Buffer;
}

/** The text of a key file for a new key. */
export async function newKeyFile(
  type: CertType,
  keyType: CaKeyType,
  passphrase: Secret,
  cost: ScryptCost = presentCost,
): Promise<string> {
  const privateKey = generateKey(keyType);
  const publicKey = publicKeyOf(privateKey);
  if (publicKey === undefined) throw new Error(`a key of type ${keyType} is none of SSH`);
  const salt = randomBytes(16);
  const seal = sealUnder(await deriveKey(passphrase, salt, cost, masterKeyBytes));
  const line = publicKeyLine(publicKey);
  const sealed = seal.close(privateKey.export({ type: 'pkcs8', format: 'der' }), placeOf(type, line));
  const { N, r, p } = cost;
  const fields = { version: 1, type, publicKey: line, scrypt: { N, r, p, salt: salt.toString('base64') } };
  return `${JSON.stringify({ ...fields, sealed: sealed.toString('base64') }, undefined, 2)}\n`;
}

/** The same for a key that somebody else has. */
export function outsideKeyFile(type: CertType, publicKey: PublicKey, keeper: Outsider): string {
  const { kind: keptBy, ...where } = keeper;
  const fields = { version: 1, type, publicKey: publicKeyLine(publicKey), keptBy, ...where };
  return `${JSON.stringify(fields, undefined, 2)}\n`;
}

/** Undefined: there is none. Nothing secret is needed: the public half is in the clear. */
export function readKeyFile(file: string, type: CertType): CaResult<LockedKey | undefined> {
  const read = readSafely(file, { maxBytes: 65_536, secret: true });
  if (read.kind === 'refused' && read.problem.cause === 'missing') return done(undefined);
  if (read.kind === 'refused') return notInOrder(`${file}: ${read.problem.text}`);
  const key = lockedKey(file, type, read.text);
  return key === undefined ? notInOrder(`${file}: is not the key file of a ${type} CA`) : done(key);
}

/** Milliseconds since 1970: a key file is written once. */
export function madeAt({ file }: LockedKey): number {
  return Math.floor(statSync(file).mtimeMs);
}

/** @param passphrase or the PIN of the token */
export async function unlock(key: LockedKey, passphrase: Secret): Promise<CaResult<CaSigner>> {
  const { keeper } = key;
  if (keeper.kind === 'token') return await tokenSigner(keeper.provider, key.publicKey, passphrase);
  if (keeper.kind === 'ssh-agent') return notInOrder(`${key.file}: its private half is kept by an ssh-agent`);
  const { sealed } = keeper;
  const seal = sealUnder(await deriveKey(passphrase, sealed.salt, sealed.cost, masterKeyBytes));
  let privateKey: KeyObject;
  try {
    const der = seal.open(sealed.bytes, placeOf(key.type, publicKeyLine(key.publicKey)));
    privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    der.fill(0);
  } catch {
    return notInOrder(`${key.file}: the passphrase is wrong, or the file is damaged`);
  }
  const signer = signerOf(privateKey);
  const isPair = signer !== undefined && encodePublicKey(signer.publicKey).equals(encodePublicKey(key.publicKey));
  return isPair ? done(signer) : notInOrder(`${key.file}: its two halves are not of one key`);
}

/** 128 MiB, and half a second: it is done once, when the CA starts. */
const presentCost: ScryptCost = { N: 2 ** 17, r: 8, p: 1 };
/** A file that asks for more than 1 GiB is not one of ours. */
const maxCost: ScryptCost = { N: 2 ** 20, r: 8, p: 16 };

function placeOf(type: CertType, publicKey: string): string {
  return `ssh ${type} ca ${publicKey}`;
}

function lockedKey(file: string, type: CertType, text: string): LockedKey | undefined {
  const fields = objectOf(parseJson(text));
  const { version, publicKey } = fields;
  if (version !== 1 || fields['type'] !== type || typeof publicKey !== 'string') return undefined;
  const line = parsePublicKeyLine(publicKey);
  if (line.kind === 'malformed') return undefined;
  const keeper = keeperOf(fields);
  return keeper && { file, type, publicKey: line.value.key, keeper };
}

function keeperOf(fields: Readonly<Record<string, unknown>>): Keeper | undefined {
  const { keptBy, provider } = fields;
  const sealed = sealedOf(fields);
  if (sealed !== undefined) return keptBy === undefined ? { kind: 'passphrase', sealed } : undefined;
  if (keptBy === 'ssh-agent') return { kind: keptBy };
  return keptBy === 'token' && typeof provider === 'string' ? { kind: keptBy, provider } : undefined;
}

function sealedOf(fields: Readonly<Record<string, unknown>>): Sealed | undefined {
  const { sealed } = fields;
  const { N, r, p, salt } = objectOf(fields['scrypt']);
  if (typeof salt !== 'string' || typeof sealed !== 'string') return undefined;
  if (!isCount(N, maxCost.N) || !isCount(r, maxCost.r) || !isCount(p, maxCost.p)) return undefined;
  return { cost: { N, r, p }, salt: Buffer.from(salt, 'base64'), bytes: Buffer.from(sealed, 'base64') };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function isCount(value: unknown, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max;
}

function generateKey(type: CaKeyType): KeyObject {
  switch (type) {
    case 'ed25519':
      return generateKeyPairSync('ed25519').privateKey;
    case 'ecdsa-256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    case 'ecdsa-384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
    case 'ecdsa-521':
      return generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey;
    case 'rsa-3072':
      return generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey;
    case 'rsa-4096':
      return generateKeyPairSync('rsa', { modulusLength: 4096 }).privateKey;
  }
}
