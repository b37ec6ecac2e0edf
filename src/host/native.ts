/**
 * The few system calls that Node does not offer, from `native/*.c` (Node-API, built by tools/build-native.sh).
 * Loaded on first use, in a third of a millisecond.
 */
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';

/** What goes wrong is thrown as an Error with the errno's name as its `code`. */
export interface Native {
  /** SO_PEERCRED of a connected Unix socket; throws for anything else. */
  peerCredentials(fd: number): { pid: number; uid: number; gid: number };
  /** poll(2) for nothing: is the other end of `fd` gone (POLLERR, POLLHUP, POLLNVAL)? Reads nothing. */
  isHungUp(fd: number): boolean;
  /** getpwnam_r(3), and getgrouplist(3) on demand, on a thread of its own. The answer's form: native/account.c. */
  lookUpAccount(name: string, groups: boolean): Promise<string>;
  /** This process's environment: `NAME=value` and a NUL, repeated; one character per byte (latin1). */
  environment(): string;
  /**
   * Becomes another program. Throws if it cannot; then nothing is left to do but to say so and exit.
   * @param words the file, then its argv, each with a NUL behind it; one character per byte, as in `environment`
   * @param environment likewise
   * @param ignored signals to be left ignored, bit n-1 for signal n; others of 1 to 31 become default
   * @param openFiles soft limit of open files, at least 1; no more than the hard limit is set
   */
  execute(words: string, environment: string, ignored: number, openFiles: number): never;
  /** Sets a terminal to give single keys, without echo and signals. Returns what `restoreTerminal` wants. */
  readKeys(fd: number): ArrayBuffer;
  restoreTerminal(fd: number, saved: ArrayBuffer): void;
  /** syslog(3), facility authpriv, level notice. */
  logToSystem(text: string): void;
  /** No core dumps, and no ptrace(2) by others of the same user. */
  forbidDumps(): void;
}

let loaded: Native | undefined;

export function native(): Native {
  loaded ??= load();
  return loaded;
}

function load(): Native {
  const exports = {};
  process.dlopen({ exports }, addonPath(), constants.dlopen.RTLD_NOW);
  if (!isNative(exports)) throw new Error(`${addonPath()} is of another release`);
  return exports;
}

function isNative(exports: object): exports is Native {
  return 'forbidDumps' in exports && 'logToSystem' in exports; // the last that it defines, and the newest
}

/** Beside the packaged binary; in `dist/` when the program runs from its sources. */
function addonPath(): string {
  const folder = isSea() ? dirname(process.execPath) : fileURLToPath(new URL('../../dist', import.meta.url));
  return join(folder, 'trasa_native.node');
}
