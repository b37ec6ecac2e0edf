import { formatProblem } from '../config/problem.ts';
import { exitStatus } from '../policy/refusals.ts';
import { startProxy } from './proxy.ts';
import type { ProxyParts } from './service.ts';

/** The part of `process` that is needed here. */
export type Process = Pick<NodeJS.Process, 'on'>;

/** Runs the proxy until SIGTERM or SIGINT. @returns the exit status */
export async function runProxy(parts: ProxyParts, process: Process): Promise<number> {
  const { log } = parts;
  const { promise: told, resolve: tell } = Promise.withResolvers<void>();
  process.on('SIGTERM', () => tell());
  process.on('SIGINT', () => tell());
  process.on('SIGHUP', () => log.warn('a new configuration is read after a restart only'));
  const loaded = parts.loadConfig();
  if (loaded.kind === 'broken') {
    for (const problem of loaded.problems) log.error(formatProblem(problem));
    return exitStatus.config;
  }
  for (const warning of loaded.warnings) log.warn(formatProblem(warning));
  const { config } = loaded;
  log.setDebug(config.debug);
  if (config.proxy.services.size === 0 && !config.proxy.catalogue) {
    log.error(`${config.source}: there is no [proxy.services.NAME] and no catalogue = true: the proxy leads nowhere`);
    return exitStatus.config;
  }
  const proxy = await startProxy(config, parts);
  if (typeof proxy === 'string') {
    log.error(`cannot start: ${proxy}`);
    return exitStatus.config;
  }
  await told;
  await proxy.stop();
  return 0;
}
