import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { replaceFile } from '../host/private-file.ts';
import { parsePublicKeyLine } from '../ssh/key-line.ts';
import type { PublicKey } from '../ssh/public-key.ts';
import { type CaResult, done, refused, trying } from './result.ts';

/** Writes what everybody may read: the old content stays until the new one is whole. */
export function publish(file: string, content: string | Buffer): CaResult<void> {
  return trying(file, () => {
    replaceFile(file, content, 0o644);
    return done(undefined);
  });
}

/** A public key that somebody wants certified. The file may be anybody's, and may be anything: it is only looked at. */
export function readPublicKey(file: string): CaResult<PublicKey> {
  return trying(file, () => {
    const line = parsePublicKeyLine(readBounded(file));
    return line.kind === 'parsed' ? done(line.value.key) : refused(`${file}: ${line.text}`);
  });
}

/** More than the longest line of a public key. */
const maxBytes = 65_536;

/** Never waits, as a FIFO would have it. */
function readBounded(file: string): string {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    if (!fstatSync(fd).isFile()) throw new Error('is not a regular file');
    const buffer = Buffer.alloc(maxBytes);
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, maxBytes, 0));
  } finally {
    closeSync(fd);
  }
}
