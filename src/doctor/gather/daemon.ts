import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { knock } from '../../relay/knock.ts';
import type { DaemonFacts } from '../facts.ts';

const knockMs = 5_000;

export async function gatherDaemon(socket: string, proc = '/proc'): Promise<DaemonFacts> {
  const silence = await knock(socket, knockMs);
  return { socket, silence, outdated: outdatedDaemons(proc) };
}

/** proc(5): the kernel marks a program whose file was removed or replaced since it was started. */
function outdatedDaemons(proc: string): number[] {
  return readdirSync(proc)
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      try {
        const [, command] = readFileSync(join(proc, pid, 'cmdline'), 'latin1').split('\0');
        return command === 'daemon' && readlinkSync(join(proc, pid, 'exe')).endsWith('/trasa-agent (deleted)');
      } catch {
        return false; // it has ended, or is not ours to look at
      }
    })
    .map(Number);
}
