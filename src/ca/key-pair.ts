/** New keys for others, and the files in which they are handed over. */
import { generateKeyPair, type KeyObject, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { publicKeyLine } from '../ssh/key-line.ts';
import { privateKeyFile } from '../ssh/private-key.ts';
import type { PublicKey } from '../ssh/public-key.ts';
import { certificateLine } from './issue.ts';
import { publicKeyOf } from './node-crypto.ts';
import type { ZipEntry } from './zip.ts';

export type NewKeyType = 'rsa' | 'ed25519';

export interface NewKeyPair {
  readonly key: PublicKey;
  /** The private half, as ssh and sshd read it. */
  readonly secret: Buffer;
  readonly comment: string;
}

/** What is handed over, and the serial of the certificate in it. */
export interface Bundle {
  readonly serial: bigint;
  readonly zip: Buffer;
}

/** Does not hold up whatever else the process does: an RSA key takes half a second. */
export async function newKeyPair(type: NewKeyType, comment: string): Promise<NewKeyPair> {
  const privateKey = await generate(type);
  const key = publicKeyOf(privateKey);
  const secret = privateKeyFile(privateKey.export({ format: 'jwk' }), comment, randomBytes(4).readUInt32BE());
  if (key === undefined || secret === undefined) throw new Error(`a key of type ${type} is none of SSH`);
  return { key, secret, comment };
}

/** `file`, `file.pub` and `file-cert.pub`. */
export function filesOf(file: string, { key, secret, comment }: NewKeyPair, certificate: Buffer): ZipEntry[] {
  return [
    { name: file, content: secret, mode: 0o600 },
    { name: `${file}.pub`, content: Buffer.from(`${publicKeyLine(key, comment)}\n`), mode: 0o644 },
    { name: `${file}-cert.pub`, content: Buffer.from(certificateLine(key, certificate, comment)), mode: 0o644 },
  ];
}

const makePair = promisify(generateKeyPair);

async function generate(type: NewKeyType): Promise<KeyObject> {
  const pair = type === 'rsa' ? await makePair('rsa', { modulusLength: 3072 }) : await makePair('ed25519', {});
  return pair.privateKey;
}
