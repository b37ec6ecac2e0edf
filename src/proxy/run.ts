import type { LoadedConfig } from '../config/config.ts';
import { formatProblem } from '../config/problem.ts';
import { exitStatus } from '../policy/refusals.ts';
import { type Primary, startPrimary } from './primary.ts';
import type { PrimaryParts } from './service.ts';
import { leadsNowhere } from './start-trouble.ts';

/** The part of `process` that is needed here. */
export type Process = Pick<NodeJS.Process, 'on'>;

/** Runs the proxy until SIGTERM or SIGINT; SIGHUP reads the configuration again. @returns the exit status */
export async function runProxy(parts: PrimaryParts, process: Process): Promise<number> {
  const { log } = parts;
  const { promise: told, resolve: tell } = Promise.withResolvers<void>();
  process.on('SIGTERM', () => tell());
  process.on('SIGINT', () => tell());
  const { promise: started, resolve: start } = Promise.withResolvers<Primary>();
  process.on(
    'SIGHUP',
    oneAtATime(async () => await reload(await started, parts)),
  );
  const loaded = load(parts);
  if (loaded.kind === 'broken') return exitStatus.config;
  log.setDebug(loaded.config.debug);
  const proxy = await startPrimary(loaded.config, parts);
  if (typeof proxy === 'string') {
    log.error(`cannot start: ${proxy}`);
    return exitStatus.config;
  }
  start(proxy);
  const isLost = await Promise.race([told.then(() => false), proxy.lost.then(() => true)]);
  const isWell = await proxy.stop();
  if (isLost) return exitStatus.unavailable; // systemd starts what is there now
  return isWell ? 0 : exitStatus.software;
}

async function reload(proxy: Primary, parts: PrimaryParts): Promise<void> {
  const next = load(parts);
  if (next.kind === 'broken') parts.log.error('the old configuration stays');
  else await proxy.reload(next.config);
}

/** Logs whatever is wrong with the configuration. */
function load({ loadConfig, log }: PrimaryParts): LoadedConfig {
  const loaded = loadConfig();
  const problems = loaded.kind === 'broken' ? loaded.problems : loaded.warnings;
  for (const problem of problems) log[loaded.kind === 'broken' ? 'error' : 'warn'](formatProblem(problem));
  if (loaded.kind === 'broken') return loaded;
  const trouble = leadsNowhere(loaded.config);
  if (trouble === undefined) return loaded;
  log.error(trouble);
  return { kind: 'broken', problems: [] };
}

/** Calls while `work` is being done are done by one more turn of it. */
function oneAtATime(work: () => Promise<void>): () => void {
  let isAtWork = false;
  let isWanted = false;
  const turn = async (): Promise<void> => {
    isAtWork = true;
    while (isWanted) {
      isWanted = false;
      await work();
    }
    isAtWork = false;
  };
  return () => {
    isWanted = true;
    if (!isAtWork) void turn();
  };
}
