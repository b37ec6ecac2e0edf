import { hostname } from 'node:os';
import type { AgentConfig } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { exitStatus } from '../policy/refusals.ts';
import { cleanText } from '../protocol/clean.ts';
import { TrasaClient } from '../trasa/client.ts';

/**
 * `trasa-agent check`: says what is wrong with the configuration, all of it, and then asks the server whether it accepts
 * this host, unless `offline`. Returns the exit status.
 */
export async function check(args: { readonly config?: string; readonly offline?: boolean }): Promise<number> {
  const loaded = loadConfig(args.config);
  if (loaded.kind === 'broken') {
    for (const problem of loaded.problems) process.stderr.write(`${formatProblem(problem)}\n`);
    return exitStatus.config;
  }
  for (const warning of loaded.warnings) process.stderr.write(`warning: ${formatProblem(warning)}\n`);
  process.stdout.write(`${loaded.config.source}: configuration is valid\n`);
  return args.offline === true ? 0 : await askServer(loaded.config);
}

async function askServer({ server: settings }: AgentConfig): Promise<number> {
  const client = new TrasaClient(settings, hostname());
  const delivery = await client.checkConfig(new AbortController().signal); // it has deadlines of its own
  client.close();
  switch (delivery.kind) {
    case 'answered': {
      const { server, envelope } = delivery;
      if (envelope.status === 'success') {
        process.stdout.write(`${server}: accepts this host\n`);
        return 0;
      }
      process.stderr.write(
        `${server}: does not accept this host: ${cleanText(envelope.reason, 200)}\n  hint: check serviceID and serviceKey\n`,
      );
      return exitStatus.config;
    }
    case 'unavailable':
      process.stderr.write(`${delivery.server}: ${delivery.cause}: ${delivery.detail}\n`);
      return exitStatus.unavailable;
  }
}
