import { hostname } from 'node:os';
import type { AgentConfig } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { exitStatus } from '../policy/refusals.ts';
import { cleanText } from '../protocol/clean.ts';
import { type SecretTrouble, secretTroubles } from '../proxy/door/secret-files.ts';
import { TrasaClient } from '../trasa/client.ts';

interface Arguments {
  readonly config?: string;
  readonly offline?: boolean;
  /** As the proxy reads it. */
  readonly proxy?: boolean;
}

/**
 * `trasa-agent check`: says what is wrong with the configuration, all of it, and then asks the server whether it accepts
 * this host, unless `offline`. Returns the exit status.
 */
export async function check(args: Arguments): Promise<number> {
  const loaded = loadConfig(args.config, undefined, args.proxy === true ? 'proxy' : 'daemon');
  if (loaded.kind === 'broken') {
    for (const problem of loaded.problems) process.stderr.write(`${formatProblem(problem)}\n`);
    return exitStatus.config;
  }
  for (const warning of loaded.warnings) process.stderr.write(`warning: ${formatProblem(warning)}\n`);
  const { source, proxy } = loaded.config;
  const troubles = secretTroubles(proxy);
  for (const trouble of troubles) process.stderr.write(`${formatTrouble(trouble)}\n`);
  const trouble = args.proxy === true ? await startTroubleOf(loaded.config) : undefined;
  if (trouble !== undefined) process.stderr.write(`${trouble}\n`);
  if (troubles.length > 0 || trouble !== undefined) return exitStatus.config;
  process.stdout.write(`${source}: configuration is valid\n`);
  return args.offline === true ? 0 : await askServer(loaded.config);
}

/** Loaded where it is needed: the proxy's rooms are large. */
async function startTroubleOf(config: AgentConfig): Promise<string | undefined> {
  const { startTrouble } = await import('../proxy/start-trouble.ts');
  return startTrouble(config);
}

function formatTrouble({ path, problem }: SecretTrouble): string {
  return `${path} ${problem.text}${problem.hint === undefined ? '' : `\n  hint: ${problem.hint}`}`;
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
