/**
 * The public key that sshd verified in this login, from the file that `ExposeAuthInfo yes` leaves behind
 * (sshd_config(5)): one line per method passed, `publickey ssh-ed25519 AAAA…`.
 *
 * SECURITY NOTE: the file belongs to the user, who could write another. It is evidence against somebody who stole a
 * key, not against the account itself (LoginAttempt says the same).
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { verifiedKeyFingerprint } from '../ssh/auth-info.ts';

/** Room for several certificates; sshd's own limit on one key is 16 KiB of base64. */
const maxBytes = 65_536;

/** Reads `path` (SSH_USER_AUTH) and returns the first key's fingerprint; undefined if there is none to be had. */
export function readVerifiedKey(path: string | undefined): string | undefined {
  const text = path === undefined ? undefined : readBounded(path);
  return text === undefined ? undefined : verifiedKeyFingerprint(text, sha256);
}

/** Base64. node:crypto takes 4 ms to load, which logins without a key to name (ExposeAuthInfo is off by default) save. */
function sha256(bytes: Buffer): string {
  return process.getBuiltinModule('node:crypto').hash('sha256', bytes, 'base64');
}

/** Undefined for anything but a readable regular file of acceptable size; never waits (a FIFO) and follows no link. */
function readBounded(path: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY);
    const found = fstatSync(fd);
    if (!found.isFile() || found.size > maxBytes) return undefined;
    const buffer = Buffer.alloc(maxBytes);
    return buffer.toString('latin1', 0, readSync(fd, buffer, 0, maxBytes, 0));
  } catch {
    return undefined; // no file, no key: the facts say so by leaving it out
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
