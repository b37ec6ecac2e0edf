import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { replaceFile } from '../host/private-file.ts';
import { parsePublicKeyLine } from '../ssh/key-line.ts';
import type { PublicKey } from '../ssh/public-key.ts';
import { type CaResult, done, refused } from './result.ts';

/** Writes what everybody may read: the old content stays until the new one is whole. */
export function publish(file: string, content: string | Buffer): CaResult<void> {
  try {
    replaceFile(file, content, 0o644);
    return done(undefined);
  } catch (error) {
    return refused(`${file}: ${messageOf(error)}`);
  }
}

/** A public key that somebody wants certified: from a file of anybody's, or standard input (`-`). */
export function readPublicKey(file: string): CaResult<PublicKey> {
  const name = file === '-' ? 'standard input' : file;
  let text: string;
  try {
    text = file === '-' ? readUpTo(0) : readFile(file);
  } catch (error) {
    return refused(`${name}: ${messageOf(error)}`);
  }
  const line = parsePublicKeyLine(text);
  return line.kind === 'parsed' ? done(line.value.key) : refused(`${name}: ${line.text}`);
}

const maxBytes = 65_536;

function readFile(file: string): string {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    if (!fstatSync(fd).isFile()) throw new Error('is not a regular file');
    return readUpTo(fd);
  } finally {
    closeSync(fd);
  }
}

function readUpTo(fd: number): string {
  const buffer = Buffer.alloc(maxBytes);
  let length = 0;
  for (let count = -1; count !== 0 && length < maxBytes; length += count)
    count = readSync(fd, buffer, length, maxBytes - length, null);
  return buffer.toString('utf8', 0, length);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
