/**
 * Packets sealed and opened where they lie, from `native/packets.c` (Node-API, built by tools/build-native.sh). By
 * node:crypto alone each packet costs a cipher object and a copy, and ChaCha20's tag is not to be had.
 */
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';

/** One direction's key; it counts AES-GCM's packets itself. */
export type PacketKey = object & { readonly packetKey: unique symbol };

/**
 * A packet in `bytes` begins at `at`: 4 bytes of length, `length` bytes, and the tag's {@link tagBytes}. `sequence` is
 * its number (RFC 4253 §6.4). All of them throw if the packet does not lie within the bytes.
 */
export interface NativeCiphers {
  /** @param iv of 12 bytes for AES-GCM by a key of 16 or 32; empty for ChaCha20-Poly1305 by one of 64 */
  makeKey(seals: boolean, key: Buffer, iv: Buffer): PacketKey;
  seal(key: PacketKey, sequence: number, bytes: Buffer, at: number, length: number): void;
  /** False: it is not what the peer sealed, and what lies there now is nothing. */
  open(key: PacketKey, sequence: number, bytes: Buffer, at: number, length: number): boolean;
  /** What the first four bytes say. Not to be believed: nothing is checked yet. */
  lengthOf(key: PacketKey, sequence: number, bytes: Buffer, at: number): number;
}

export const tagBytes = 16;

let loaded: NativeCiphers | string | undefined;

/** A string says why they are not to be had; then ssh2's own ciphers do it, more slowly. */
export function nativeCiphers(): NativeCiphers | string {
  loaded ??= load();
  return loaded;
}

function load(): NativeCiphers | string {
  const exports = {};
  try {
    process.dlopen({ exports }, addonPath(), constants.dlopen.RTLD_NOW);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return isNativeCiphers(exports) ? exports : `${addonPath()} is of another release`;
}

function isNativeCiphers(exports: object): exports is NativeCiphers {
  return 'lengthOf' in exports;
}

/** Beside the packaged binary; in `dist/` when the program runs from its sources. */
function addonPath(): string {
  const folder = isSea() ? dirname(process.execPath) : fileURLToPath(new URL('../../../dist', import.meta.url));
  return join(folder, 'trasa_ssh.node');
}
