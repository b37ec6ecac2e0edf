import { randomBytes } from 'node:crypto';
import { makePrivateFile } from '../host/private-file.ts';
import { readSafely } from '../host/safe-open.ts';
import { masterKeyBytes } from './seal.ts';

export type MasterKey =
  | { readonly kind: 'key'; readonly key: Buffer }
  | { readonly kind: 'broken'; readonly text: string };

/** A master key file holds 32 bytes in base64 (`head -c32 /dev/urandom | base64`), and a line end at most. */
export function readMasterKey(file: string): MasterKey {
  const read = readSafely(file, { maxBytes: 1024, secret: true });
  if (read.kind === 'refused') return { kind: 'broken', text: `${file}: ${read.problem.text}` };
  const key = Buffer.from(read.text.trim(), 'base64');
  if (key.length !== masterKeyBytes || key.toString('base64') !== read.text.trim())
    return { kind: 'broken', text: `${file}: is not a master key (${masterKeyBytes} bytes in base64)` };
  return { kind: 'key', key };
}

export function makeMasterKey(file: string): MasterKey {
  makePrivateFile(file, `${randomBytes(masterKeyBytes).toString('base64')}\n`);
  return readMasterKey(file);
}
