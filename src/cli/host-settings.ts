import type { AgentConfig } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { standardConfig } from '../config/standard-config.ts';

/** The configuration, or the defaults with a warning, for a command that has something to say without one. */
export function hostSettings(config: string | undefined, whose: 'daemon' | 'proxy' = 'daemon'): AgentConfig {
  const loaded = loadConfig(config, undefined, whose);
  if (loaded.kind === 'loaded') return loaded.config;
  for (const problem of loaded.problems) process.stderr.write(`warning: ${formatProblem(problem)}\n`);
  return standardConfig();
}
