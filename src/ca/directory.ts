/** The directory of the CAs: its owner's alone, with fixed names in it. */
import { lstatSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CertType } from '../ssh/certificate.ts';

export function keyFileOf(directory: string, type: CertType): string {
  return join(directory, `ssh-${type}-ca.key`);
}

/** Of the CA that is trusted already, and signs later. */
export function nextKeyFileOf(directory: string, type: CertType): string {
  return join(directory, `ssh-${type}-ca.next.key`);
}

export function recordsOf(directory: string): string {
  return join(directory, 'ca.db');
}

/** @returns what is wrong with it */
export function makeDirectory(directory: string): string | undefined {
  try {
    mkdirSync(directory, { mode: 0o700, recursive: true });
  } catch (error) {
    return `${directory}: ${error instanceof Error ? error.message : String(error)}`;
  }
  return unsafeDirectory(directory);
}

export function unsafeDirectory(directory: string): string | undefined {
  const entry = lstatSync(directory, { throwIfNoEntry: false });
  if (entry === undefined) return `${directory}: does not exist; trasa-agent ca init makes it`;
  if (!entry.isDirectory()) return `${directory}: is not a directory`;
  if ((entry.mode & 0o077) !== 0) return `${directory}: can be entered by others than its owner (chmod 0700)`;
  if (entry.uid === process.geteuid?.()) return undefined;
  return `${directory}: belongs to another user (id ${entry.uid}); be that user (setpriv, runuser) to work with it`;
}
