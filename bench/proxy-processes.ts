/** What the proxy's processes have used: its first one, and whatever that has started. */
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks of the kernel's interface; 100 on Linux, whatever its own clock does. */
const ticksPerSecond = 100;

export function processorSeconds(pid: number | undefined): number {
  const ticks = family(pid).map(one => Number(statOf(one)[11]) + Number(statOf(one)[12])); // utime, stime
  return sum(ticks) / ticksPerSecond;
}

export function residentKiB(pid: number | undefined): number {
  return sum(family(pid).map(one => Number(/VmRSS:\s+(\d+)/.exec(read(one, 'status'))?.[1] ?? 0)));
}

function family(pid: number | undefined): string[] {
  if (pid === undefined) throw new Error('the proxy does not run');
  const all = readdirSync('/proc').filter(name => /^\d+$/.test(name));
  const members = new Set([String(pid)]);
  for (const one of all.toSorted((a, b) => Number(a) - Number(b)))
    if (members.has(statOf(one)[1] ?? '')) members.add(one);
  return [...members];
}

/** The fields of proc(5)'s stat behind the name: state, parent, … */
function statOf(pid: string): string[] {
  return read(pid, 'stat').split(') ').at(-1)?.split(' ') ?? [];
}

/** Empty if it has ended meanwhile. */
function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
