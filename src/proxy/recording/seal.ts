/**
 * What proves a recording: beside `NAME` a statement `NAME.seal` about its length and digest, and `NAME.seal.sig`, a
 * signature over the statement as `ssh-keygen -Y sign` makes it. The statement names the last line of the journal, and so
 * all that was recorded before.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeCrypto } from '../../ca/node-crypto.ts';
import type { PublicKey } from '../../ssh/public-key.ts';
import type { CaSigner } from '../../ssh/sign-certificate.ts';
import { armored, dearmored, signMessage, verifyMessage } from '../../ssh/sshsig.ts';
import { jsonLine } from './json-line.ts';
import { objectOf } from './parse.ts';
import type { Contents } from './record-file.ts';
import type { Kind, SessionFacts } from './track.ts';

/** What the signatures are for (`ssh-keygen -Y verify -n`). */
export const sealNamespace = 'trasa-recording';

export interface Seal extends SessionFacts, Contents {
  readonly version: 1;
  readonly file: string;
  readonly kind: Kind;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly endedAt: string;
  /** The digest of the last line of the journal by then. */
  readonly journal: string;
}

export function sealOf(file: string): { readonly statement: string; readonly signature: string } {
  return { statement: `${file}.seal`, signature: `${file}.seal.sig` };
}

/** @returns the statement as it was written */
export async function writeSeal(directory: string, seal: Seal, signer: CaSigner): Promise<string> {
  const statement = jsonLine(seal);
  const signature = await signMessage(Buffer.from(statement), sealNamespace, signer, nodeCrypto);
  const names = sealOf(seal.file);
  await write(join(directory, names.statement), statement);
  await write(join(directory, names.signature), armored(signature));
  await syncNames(directory);
  return statement;
}

/** Says that a recording was removed by the rules, so that nobody else can say it. In base64. */
export async function signRemoval(file: string, at: string, signer: CaSigner): Promise<string> {
  return (await signMessage(removal(file, at), sealNamespace, signer, nodeCrypto)).toString('base64');
}

export function isRemoval(file: string, at: string, signature: string, keys: readonly PublicKey[]): boolean {
  const bytes = Buffer.from(signature, 'base64');
  return keys.some(key => verifyMessage(removal(file, at), sealNamespace, key, bytes, nodeCrypto));
}

function removal(file: string, at: string): Buffer {
  return Buffer.from(`removed ${file} ${at}`);
}

/** The statement, if one of these keys has signed it; a string says why it proves nothing. */
export function readSeal(
  file: string,
  statement: Buffer,
  signature: string,
  keys: readonly PublicKey[],
): Seal | string {
  const bytes = dearmored(signature);
  if (bytes === undefined) return 'its signature is no signature';
  const isSigned = keys.some(key => verifyMessage(statement, sealNamespace, key, bytes, nodeCrypto));
  if (!isSigned) return 'its seal is not signed by the key';
  const seal: unknown = JSON.parse(statement.toString('utf8'));
  if (!isSeal(seal)) return 'its seal is of another version';
  return seal.file === file ? seal : `its seal is that of ${seal.file}`;
}

/** It is signed by us, and so written by us: a look at the version is enough. */
function isSeal(value: unknown): value is Seal {
  return objectOf(value)['version'] === 1;
}

/** What is not in the directory on disk is gone when the power fails. */
async function syncNames(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function write(path: string, text: string): Promise<void> {
  const { O_WRONLY, O_CREAT, O_EXCL } = constants;
  const handle = await open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600);
  try {
    await handle.writeFile(text);
    await handle.datasync();
  } finally {
    await handle.close();
  }
}
