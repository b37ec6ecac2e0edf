import { loadConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { exitStatus } from '../policy/refusals.ts';

/** `trasa-agent check`: says what is wrong with the configuration, all of it. Returns the exit status. */
export async function check(args: { readonly config?: string }): Promise<number> {
  const loaded = loadConfig(args.config);
  if (loaded.kind === 'broken') {
    for (const problem of loaded.problems) process.stderr.write(`${formatProblem(problem)}\n`);
    return exitStatus.config;
  }
  for (const warning of loaded.warnings) process.stderr.write(`warning: ${formatProblem(warning)}\n`);
  process.stdout.write(`${loaded.config.source}: configuration is valid\n`);
  return 0;
}
