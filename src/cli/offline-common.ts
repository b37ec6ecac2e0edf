/** What the `trasa-agent offline …` commands share: where they work, as whom, and what they ask first. */
import { hostname } from 'node:os';
import type { LoadedConfig } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { standardConfig } from '../config/standard-config.ts';
import { createDirectory } from '../host/directory.ts';
import { enterDirectory } from '../host/enter-directory.ts';
import { exitStatus } from '../policy/refusals.ts';
import { exitStatuses } from './exit-statuses.ts';
import { fail } from './server-common.ts';

export const offlineStatuses = exitStatuses('done', ['failed', 'unavailable', 'noPermission', 'config']);

export const configOption = {
  config: {
    type: 'string',
    requiresArg: true,
    describe: 'configuration file [default: as for the daemon]',
  },
} as const;

export const accountOption = { type: 'string', demandOption: true, describe: 'Unix user of this host' } as const;

export const preparingOptions = {
  ...configOption,
  days: { type: 'number', requiresArg: true, default: 90, describe: 'how long it lasts, 1 to 366' },
  force: { type: 'boolean', default: false, describe: 'even if the server does not confirm this host' },
} as const;

/** Where the commands work. */
export interface Place {
  /** The daemon's state; this process is its owner by now. */
  readonly directory: string;
  readonly codeDigits: 6 | 7 | 8;
}

/** The place for looking and revoking, which ask nobody. Undefined: it was said why there is none. */
export function openPlace(config: string | undefined): Place | undefined {
  return enter(load(config));
}

/**
 * The place for making something for an account: one that exists, on a host that the server accepts at this moment,
 * unless `force`.
 */
export async function openPlaceFor(args: {
  readonly account: string;
  readonly config?: string | undefined;
  readonly days: number;
  readonly force: boolean;
}): Promise<(Place & { readonly account: string }) | undefined> {
  if (!Number.isInteger(args.days) || args.days < 1 || args.days > 366)
    return fail('--days: say a whole number from 1 to 366', exitStatus.usage);
  const found = await createDirectory().account(args.account);
  if (found.kind === 'unknown') return fail(`there is no account ${args.account} on this host`);
  if (found.kind === 'unavailable') return fail(`${args.account}: ${found.detail}`, exitStatus.unavailable);
  const loaded = load(args.config);
  const trouble = await troubleOf(loaded);
  if (trouble !== undefined && !args.force)
    return fail(
      `${trouble}. Prepare offline factors while the server confirms this host, or use --force`,
      loaded.kind === 'broken' ? exitStatus.config : exitStatus.unavailable,
    );
  if (trouble !== undefined)
    process.stderr.write(`WARNING: ${trouble}. Nobody but you confirms what is made here now (--force).\n`);
  const place = enter(loaded); // from here on without root's rights
  return place === undefined ? undefined : { ...place, account: found.name };
}

async function troubleOf(loaded: LoadedConfig): Promise<string | undefined> {
  if (loaded.kind === 'broken') return 'the configuration is missing or wrong';
  const { TrasaClient } = await import('../trasa/client.ts');
  const { TrasaServerVerifier } = await import('../verifiers/trasa-server.ts');
  const client = new TrasaClient(loaded.config.server, hostname());
  const trouble = await new TrasaServerVerifier(client).whyUnavailable(new AbortController().signal);
  client.close();
  return trouble === undefined
    ? undefined
    : `the server does not confirm this host (${trouble.cause}: ${trouble.detail})`;
}

function load(config: string | undefined): LoadedConfig {
  const loaded = loadConfig(config);
  if (loaded.kind === 'broken')
    for (const problem of loaded.problems) process.stderr.write(`warning: ${formatProblem(problem)}\n`);
  return loaded;
}

function enter(loaded: LoadedConfig): Place | undefined {
  const { daemon, policy } = loaded.kind === 'broken' ? standardConfig() : loaded.config;
  const directory = daemon.stateDirectory;
  const fault = enterDirectory(directory);
  if (fault !== undefined) return fail(`${fault}; the daemon makes it when it starts`, exitStatus.noPermission);
  return { directory, codeDigits: digitsOf(policy.codeDigits) };
}

/** The configuration takes no others. */
function digitsOf(codeDigits: number): Place['codeDigits'] {
  return codeDigits === 7 || codeDigits === 8 ? codeDigits : 6;
}
