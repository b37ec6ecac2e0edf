import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { publicKeyOf } from '../../ca/node-crypto.ts';
import { makePrivateFile, replaceFile } from '../../host/private-file.ts';
import { readSafely } from '../../host/safe-open.ts';
import { publicKeyLine } from '../../ssh/key-line.ts';
import type { HostKey } from '../engine/host-keys.ts';

const kinds = ['ed25519', 'ecdsa', 'rsa'] as const;

/** Those that the proxy has once it has run. */
export function hostKeyFiles(directory: string): readonly string[] {
  return kinds.map(kind => fileOf(directory, kind));
}

/** The proxy's host keys in its state directory, made where there are none. A string says what is wrong. */
export function openHostKeys(directory: string): readonly HostKey[] | string {
  const keys: HostKey[] = [];
  for (const kind of kinds) {
    const file = fileOf(directory, kind);
    const key = readKey(file) ?? makeKey(file, kind);
    if (typeof key === 'string') return `${file}: ${key}`;
    keys.push(key);
  }
  return keys;
}

function fileOf(directory: string, kind: (typeof kinds)[number]): string {
  return join(directory, `ssh_host_${kind}_key`);
}

function readKey(file: string): HostKey | string | undefined {
  const read = readSafely(file, { maxBytes: 65_536, secret: true });
  if (read.kind === 'refused') return read.problem.cause === 'missing' ? undefined : read.problem.text;
  try {
    return hostKey(createPrivateKey(read.text));
  } catch {
    return 'is not a private key in PEM (PKCS #8)';
  }
}

function makeKey(file: string, kind: (typeof kinds)[number]): HostKey | string {
  const privateKey = generate(kind);
  const key = hostKey(privateKey);
  if (typeof key === 'string') return key;
  try {
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    if (!makePrivateFile(file, pem)) return 'was made by somebody else just now; start again';
    replaceFile(`${file}.pub`, `${publicKeyLine(key.publicKey, 'trasa-agent proxy')}\n`, 0o644);
    return key;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function generate(kind: (typeof kinds)[number]): KeyObject {
  switch (kind) {
    case 'ed25519':
      return generateKeyPairSync('ed25519').privateKey;
    case 'ecdsa':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    case 'rsa':
      return generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey;
  }
}

function hostKey(privateKey: KeyObject): HostKey | string {
  const publicKey = publicKeyOf(createPublicKey(privateKey));
  return publicKey === undefined ? 'is of a kind that SSH has not' : { privateKey, publicKey };
}
