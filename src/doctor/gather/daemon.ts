import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { knock } from '../../relay/knock.ts';
import type { DaemonFacts } from '../facts.ts';

const knockMs = 5_000;

export async function gatherDaemon(socket: string, proc = '/proc'): Promise<DaemonFacts> {
  const silence = await knock(socket, knockMs);
  return { socket, silence, outdated: outdatedProcesses('daemon', proc) };
}

/** proc(5): the kernel marks a program whose file was removed or replaced since it was started. */
export function outdatedProcesses(command: 'daemon' | 'proxy', proc = '/proc'): number[] {
  return readdirSync(proc)
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      try {
        const [, word] = readFileSync(join(proc, pid, 'cmdline'), 'latin1').split('\0');
        return word === command && readlinkSync(join(proc, pid, 'exe')).endsWith('/trasa-agent (deleted)');
      } catch {
        return false; // it has ended, or is not ours to look at
      }
    })
    .map(Number);
}
