/** When something happened since the host was started, in the kernel's own words, which no clock setting changes. */
import { readFileSync } from 'node:fs';
import type { Moment } from './journal.ts';

export function momentNow(): Moment {
  const [seconds = ''] = readFileSync('/proc/uptime', 'utf8').split(' ');
  return { boot: bootID(), ticks: Math.round(Number(seconds) * ticksPerSecond) };
}

/** When the process was started; undefined if there is none. */
export function startOf(pid: number): Moment | undefined {
  const fields = statOf(pid);
  return fields === undefined ? undefined : { boot: bootID(), ticks: Number(fields[startField]) };
}

export function parentOf(pid: number): number | undefined {
  const fields = statOf(pid);
  return fields === undefined ? undefined : Number(fields[parentField]);
}

export interface ProcessNames {
  readonly name: string;
  /** What it calls itself in ps(1). */
  readonly title: string;
}

/** The sshd that waits for connections, and starts a process for each: since OpenSSH 8.2 it says so. */
export function isListener({ name, title }: ProcessNames): boolean {
  return name === 'sshd' && (title.includes('[listener]') || title.startsWith('/'));
}

/** Empty if there is no such process. */
export function namesOf(pid: number): ProcessNames {
  try {
    const title = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trimEnd();
    return { name: readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd(), title };
  } catch {
    return { name: '', title: '' };
  }
}

/** USER_HZ, which is 100 wherever there is a Debian (proc_pid_stat(5)). */
const ticksPerSecond = 100;
/** Counted behind the program's name, which is in brackets and may hold anything: fields 4 and 22 of proc_pid_stat(5). */
const parentField = 1;
const startField = 19;

function statOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

function bootID(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trimEnd();
}
