import type { Argv } from 'yargs';
import type { ProxySettings } from '../config/config.ts';
import { callerOf } from '../host/caller.ts';
import { acceptHostKey, forgetHostKeys, knownHosts } from '../proxy/known-hosts.ts';
import { HostKeyStore } from '../store/host-keys.ts';
import { exitStatuses } from './exit-statuses.ts';
import { inStateOfProxy } from './proxy-state.ts';
import { fail, say } from './server-common.ts';

const configOption = {
  config: { type: 'string', requiresArg: true, describe: 'configuration file [default: as for the proxy]' },
} as const;
const serviceOption = { type: 'string', demandOption: true, describe: 'its name in the configuration' } as const;

/** `trasa-agent proxy host-keys …`, for root and the proxy's own user. */
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
        args => listKeys(args),
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
        args => acceptKeys(args),
      )
      .command(
        'forget <service>',
        'all keys of its host: the next one is new again',
        forget => forget.positional('service', serviceOption).options(configOption).epilogue(statuses),
        args => forgetKeys(args),
      )
      .epilogue(statuses)
      .demandCommand(1, 'a subcommand of host-keys is missing'),
  );
}

const statuses = exitStatuses('done', ['failed', 'noPermission', 'config']);

interface ConfigArguments {
  readonly config?: string | undefined;
}

function listKeys({ json, ...args }: ConfigArguments & { readonly json: boolean }): void {
  withStore(args, (services, store) => {
    for (const one of knownHosts(services, store))
      say(json ? JSON.stringify(one) : [one.service, one.address, one.state, one.key, one.since, one.by].join('\t'));
  });
}

function acceptKeys(args: ConfigArguments & { readonly service: string; readonly fingerprint: string }): void {
  const by = callerOf();
  withStore(args, (services, store) => {
    conclude(acceptHostKey(services, store, args.service, args.fingerprint, by, Date.now()));
  });
}

function forgetKeys(args: ConfigArguments & { readonly service: string }): void {
  withStore(args, (services, store) => conclude(forgetHostKeys(services, store, args.service)));
}

type Work = (services: ProxySettings['services'], store: HostKeyStore) => void;

function withStore({ config }: ConfigArguments, work: Work): void {
  inStateOfProxy(config, ({ stateDirectory, services }) => {
    const store = new HostKeyStore(stateDirectory);
    try {
      work(services, store);
    } finally {
      store.close();
    }
  });
}

function conclude(result: string | Error): void {
  if (typeof result === 'string') say(result);
  else fail(result.message);
}
