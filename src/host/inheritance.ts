/**
 * What this process was given when it was started, as far as Node has overwritten it.
 *
 * Node (node.cc) raises the soft limit of open files to the hard one, and resets signals 1 to 31: SIGPIPE and SIGXFSZ to
 * ignored, all others to default. Nothing in this process remembers what they were, so others are asked:
 *
 * - The limit: the parent's. sshd sets none after its fork; pam_limits(8) acts in the parent already.
 * - Signals: what the nearest sshd above us ignores, without SIGPIPE. sshd ignores only that one for its own sake, and
 *   sets it to default for its children (session.c, do_child); any other it must have inherited, as we did through it.
 *   A parent that is no sshd is not believed: shells ignore signals for themselves, and a session that cannot be
 *   interrupted would be worse than one that does not inherit a nohup(1).
 */
import { readFileSync } from 'node:fs';

export interface Inheritance {
  readonly openFiles: number;
  /** Bit n-1 for signal n, of signals 1 to 31. */
  readonly ignoredSignals: number;
}

/** Where nothing can be learnt (hidepid): what the kernel gives to init, and what most programs expect (select(2)). */
const usualOpenFiles = 1024;

const sigpipe = 1 << 12;
const standardSignals = 0x7fffffff;

/** The agent's parents up to sshd: a shell that did not exec us, and the one that it may run in. */
const maxAncestors = 3;

/** Call it early: parents may go away. `proc` is for tests. */
export function readInheritance(parent: number = process.ppid, proc = '/proc'): Inheritance {
  return { openFiles: openFilesOf(parent, proc), ignoredSignals: ignoredByDaemon(parent, proc) };
}

function openFilesOf(pid: number, proc: string): number {
  const limit = /^Max open files +(\d+) /m.exec(read(`${proc}/${pid}/limits`))?.[1];
  return limit === undefined ? usualOpenFiles : Number(limit);
}

function ignoredByDaemon(parent: number, proc: string): number {
  let pid = parent;
  for (let i = 0; i < maxAncestors; i++) {
    const status = read(`${proc}/${pid}/status`);
    const name = /^Name:\t(.*)$/m.exec(status)?.[1] ?? '';
    const low = /^SigIgn:\t[0-9a-f]{8}([0-9a-f]{8})$/m.exec(status)?.[1];
    if (/^sshd(?:-session)?$/.test(name) && low !== undefined)
      return Number.parseInt(low, 16) & standardSignals & ~sigpipe;
    pid = Number(/^PPid:\t(\d+)$/m.exec(status)?.[1] ?? 0);
  }
  return 0;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
