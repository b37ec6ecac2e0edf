/** `trasa-agent proxy`: the primary, from its real parts. What it starts is proxy-worker.ts. */
import { availableParallelism } from 'node:os';
import { openAudit } from '../audit/audit-log.ts';
import { openDaemonLog } from '../audit/daemon-log.ts';
import type { Clock } from '../auth/ports.ts';
import { loadConfig } from '../config/load.ts';
import { forbidDumps } from '../host/no-dumps.ts';
import { spawnWorker } from '../proxy/crew/spawn.ts';
import { runProxy } from '../proxy/run.ts';

/** @returns the exit status, when the proxy was told to stop */
export async function proxy(args: { readonly config?: string }): Promise<number> {
  forbidDumps(); // this process holds service keys
  const clock: Clock = { now: () => Date.now() };
  const parts = {
    loadConfig: () => loadConfig(args.config, undefined, 'proxy'),
    startWorker: spawnWorker,
    processors: availableParallelism(),
    openAudit: (file: string) => openAudit({ clock, file }),
    clock,
    log: openDaemonLog(clock, undefined, 'proxy'),
  };
  return await runProxy(parts, process);
}
