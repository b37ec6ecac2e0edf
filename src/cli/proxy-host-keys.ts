import type { Argv } from 'yargs';
import type { ProxySettings } from '../config/config.ts';
import { exitStatus } from '../policy/refusals.ts';
import type { HostKeyStore } from '../store/host-keys.ts';
import { exitStatuses } from './exit-statuses.ts';
import { fail, say } from './server-common.ts';

const configOption = {
  config: { type: 'string', requiresArg: true, describe: 'configuration file [default: as for the proxy]' },
} as const;
const serviceOption = { type: 'string', demandOption: true, describe: 'its name in the configuration' } as const;

/** `trasa-agent proxy host-keys …`: run by root or by the proxy's user, beside a proxy that serves. */
export function hostKeysCommand<T>(yargs: Argv<T>): Argv<T> {
  return yargs.command('host-keys', 'keys of hosts that are taken on first use, or wait for that (firstUse)', command =>
    command
      .command(
        'list',
        'service, address, state, key, since when, by whom',
        list =>
          list
            .options({
              ...configOption,
              json: { type: 'boolean', default: false, describe: 'a JSON object for each line' },
            })
            .epilogue(statuses),
        async args => await listKeys(args),
      )
      .command(
        'accept <service> <fingerprint>',
        'take a key that waits; compare it with ssh-keygen -lf on the host first',
        accept =>
          accept
            .positional('service', serviceOption)
            .positional('fingerprint', { type: 'string', demandOption: true, describe: 'SHA256:…, as list prints it' })
            .options(configOption)
            .epilogue(statuses),
        async args => await acceptKeys(args),
      )
      .command(
        'forget <service>',
        'all keys of its host: the next one is new again',
        forget => forget.positional('service', serviceOption).options(configOption).epilogue(statuses),
        async args => await forgetKeys(args),
      )
      .epilogue(statuses)
      .demandCommand(1, 'a subcommand of host-keys is missing'),
  );
}

const statuses = exitStatuses('done', ['failed', 'config']);

interface ConfigArguments {
  readonly config?: string | undefined;
}

async function listKeys({ json, ...args }: ConfigArguments & { readonly json: boolean }): Promise<void> {
  await withStore(args, async (services, store) => {
    const { knownHosts } = await import('../proxy/known-hosts.ts');
    for (const one of knownHosts(services, store))
      say(json ? JSON.stringify(one) : [one.service, one.address, one.state, one.key, one.since, one.by].join('\t'));
  });
}

async function acceptKeys(
  args: ConfigArguments & { readonly service: string; readonly fingerprint: string },
): Promise<void> {
  await withStore(args, async (services, store) => {
    const { acceptHostKey } = await import('../proxy/known-hosts.ts');
    conclude(acceptHostKey(services, store, args.service, args.fingerprint, administrator(), Date.now()));
  });
}

async function forgetKeys(args: ConfigArguments & { readonly service: string }): Promise<void> {
  await withStore(args, async (services, store) => {
    const { forgetHostKeys } = await import('../proxy/known-hosts.ts');
    conclude(forgetHostKeys(services, store, args.service));
  });
}

type Work = (services: ProxySettings['services'], store: HostKeyStore) => Promise<void>;

async function withStore({ config }: ConfigArguments, work: Work): Promise<void> {
  const { loadConfig } = await import('../config/load.ts');
  const { formatProblem } = await import('../config/problem.ts');
  const { enterDirectory } = await import('../host/enter-directory.ts');
  const { HostKeyStore: Store } = await import('../store/host-keys.ts');
  const loaded = loadConfig(config, undefined, 'proxy');
  if (loaded.kind === 'broken') {
    fail(loaded.problems.map(formatProblem).join('; '), exitStatus.config);
    return;
  }
  const { stateDirectory, services } = loaded.config.proxy;
  const why = enterDirectory(stateDirectory);
  if (why !== undefined) {
    fail(`${why}; the proxy makes it when it starts`, exitStatus.config);
    return;
  }
  try {
    const store = new Store(stateDirectory);
    await work(services, store).finally(() => store.close());
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error), exitStatus.config);
  }
}

/** Who has looked at it, as far as sudo tells. */
function administrator(): string {
  return process.env['SUDO_USER'] ?? 'an administrator';
}

function conclude(result: string | Error): void {
  if (typeof result === 'string') say(result);
  else fail(result.message);
}
