/**
 * Reads a file only if nobody but root and the user of this process could have written it or put it there.
 *
 * Opened once, then the descriptor is asked (owner, mode, size), never the path again. The way there is walked name by
 * name: if no directory on it can be changed by others, nothing on it can be swapped between the look and the open,
 * which is the argument of sshd's safe_path (OpenSSH misc.c). Access control lists need no look of their own: a write
 * permission in them shows in the group bits (acl(5), the mask).
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { isTrustedOwner, octal, othersCanWrite, walkTo } from './safe-path.ts';
import { type Refused, refuse, refusedBy } from './unsafe-file.ts';

export interface ReadRules {
  readonly maxBytes: number;
  /** The whole file is a secret: refuse it if everyone may read it. */
  readonly secret?: boolean;
}

export type SafeRead =
  | { readonly kind: 'read'; readonly text: string; readonly worldReadable: boolean; readonly mode: string }
  | Refused;

export type SafeBytes = { readonly kind: 'read'; readonly bytes: Buffer } | Refused;

/** Reads from a descriptor at a position; `readSync`, unless a test stands in between. */
export type ReadChunk = (fd: number, buffer: Buffer, offset: number, length: number, position: number) => number;

/** The text of a file, which may begin with a byte order mark (it is left out). Never blocks on a FIFO or a device. */
export function readSafely(path: string, rules: ReadRules, readChunk: ReadChunk = readSync): SafeRead {
  return openAndRead(path, rules, readChunk, decode);
}

/** The same of a file that is no text. */
export function readBytesSafely(path: string, rules: ReadRules): SafeBytes {
  return openAndRead(path, rules, readSync, bytes => ({ kind: 'read', bytes }));
}

type Made<T> = (bytes: Buffer, mode: number) => T;

function openAndRead<T>(path: string, rules: ReadRules, readChunk: ReadChunk, make: Made<T>): T | Refused {
  if (path.includes('\0')) return refuse('unreadable', 'has a NUL in its name');
  const walked = walkTo(path);
  if (walked.kind === 'refused') return walked;
  let fd: number;
  try {
    // O_NONBLOCK and O_NOCTTY: harmless even if it turned into a FIFO or a terminal. Node adds O_CLOEXEC itself.
    fd = openSync(walked.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    return refusedBy(error, walked.path);
  }
  try {
    return readOpened(fd, walked.path, rules, readChunk, make);
  } catch (error) {
    return refusedBy(error, walked.path);
  } finally {
    closeSync(fd);
  }
}

function readOpened<T>(fd: number, path: string, rules: ReadRules, readChunk: ReadChunk, make: Made<T>): T | Refused {
  const before = fstatSync(fd, { bigint: true });
  const uid = Number(before.uid);
  const mode = Number(before.mode);
  if (before.isDirectory()) return refuse('directory', 'is a directory');
  if (!before.isFile()) return refuse('not-a-file', 'is not a regular file');
  if (!isTrustedOwner(uid)) return refuse('owner', `belongs to user id ${uid}, not to root`, `chown root ${path}`);
  if (othersCanWrite(mode))
    return refuse('mode', `can be written by others than its owner (mode ${octal(mode)})`, `chmod go-w ${path}`);
  if (rules.secret === true && (mode & 0o004) !== 0)
    return refuse('mode', `holds a secret and can be read by everyone (mode ${octal(mode)})`, `chmod o-r ${path}`);
  if (before.size > BigInt(rules.maxBytes)) return refuse('too-large', `is larger than ${rules.maxBytes} bytes`);

  const bytes = readUpTo(fd, Number(before.size) + 1, readChunk);
  const after = fstatSync(fd, { bigint: true });
  const changed =
    BigInt(bytes.length) !== before.size || after.size !== before.size || after.ctimeNs !== before.ctimeNs;
  if (changed) return refuse('changed', 'changed while it was being read', 'try again');
  return make(bytes, mode);
}

function readUpTo(fd: number, limit: number, readChunk: ReadChunk): Buffer {
  const buffer = Buffer.alloc(limit);
  let length = 0;
  while (length < limit) {
    const count = readChunk(fd, buffer, length, limit - length, length);
    if (count === 0) break;
    length += count;
  }
  return buffer.subarray(0, length);
}

function decode(bytes: Buffer, mode: number): SafeRead {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { kind: 'read', text, worldReadable: (mode & 0o004) !== 0, mode: octal(mode) };
  } catch {
    return refuse('not-utf-8', 'is not UTF-8 text', 'save it as UTF-8', firstBadLine(bytes));
  }
}

/** No UTF-8 sequence contains a line feed (RFC 3629 §3), so every line can be tried alone. */
function firstBadLine(bytes: Buffer): number {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let start = 0;
  for (let line = 1; ; line += 1) {
    const end = bytes.indexOf(0x0a, start);
    try {
      decoder.decode(bytes.subarray(start, end === -1 ? undefined : end));
    } catch {
      return line;
    }
    if (end === -1) return line;
    start = end + 1;
  }
}
