import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { publicKeyOf } from '../ca/node-crypto.ts';
import { fileExists, makePrivateFile, replaceFile } from '../host/private-file.ts';
import { readSafely } from '../host/safe-open.ts';
import { publicKeyLine } from '../ssh/key-line.ts';
import type { PublicKey } from '../ssh/public-key.ts';

export type KeyKind = 'ed25519' | 'ecdsa' | 'rsa';

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: PublicKey;
}

/**
 * A private key of this service (PKCS #8, mode 0600), and beside it `FILE.pub`. Made where there is none, by the first of
 * several processes that look. A string says what is wrong.
 */
export function openKey(file: string, kind: KeyKind, comment: string): KeyPair | string {
  const key = readKey(file) ?? makeKey(file, kind, comment);
  if (typeof key === 'string') return `${file}: ${key}`;
  try {
    if (!fileExists(`${file}.pub`)) publish(file, key, comment);
    return key;
  } catch (error) {
    return `${file}.pub: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function publish(file: string, { publicKey }: KeyPair, comment: string): void {
  replaceFile(`${file}.pub`, `${publicKeyLine(publicKey, comment)}\n`, 0o644);
}

/** Undefined: there is none. A string says what is wrong with it. */
export function readKey(file: string): KeyPair | string | undefined {
  const read = readSafely(file, { maxBytes: 65_536, secret: true });
  if (read.kind === 'refused') return read.problem.cause === 'missing' ? undefined : read.problem.text;
  try {
    return keyPair(createPrivateKey(read.text));
  } catch {
    return 'is not a private key in PEM (PKCS #8)';
  }
}

function makeKey(file: string, kind: KeyKind, comment: string): KeyPair | string {
  const privateKey = generate(kind);
  const key = keyPair(privateKey);
  if (typeof key === 'string') return key;
  try {
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    if (!makePrivateFile(file, pem)) return readKey(file) ?? 'is gone again';
    publish(file, key, comment); // also over that of a key that is lost
    return key;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function generate(kind: KeyKind): KeyObject {
  switch (kind) {
    case 'ed25519':
      return generateKeyPairSync('ed25519').privateKey;
    case 'ecdsa':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    case 'rsa':
      return generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey;
  }
}

function keyPair(privateKey: KeyObject): KeyPair | string {
  const publicKey = publicKeyOf(createPublicKey(privateKey));
  return publicKey === undefined ? 'is of a kind that SSH has not' : { privateKey, publicKey };
}
