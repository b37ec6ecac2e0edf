import type { Argv } from 'yargs';
import { done } from '../server/admin/result.ts';
import type { NewService } from '../server/store/services.ts';
import { say, serverStatuses, serviceOption, stateOptions, withState } from './server-common.ts';

const json = { type: 'boolean', default: false, describe: 'print one line of JSON, for scripts' } as const;

export function serviceCommands(yargs: Argv): Argv {
  return yargs
    .command(
      'add <name>',
      'add a service and print its key, once',
      command =>
        command
          .epilogue(serverStatuses)
          .positional('name', { type: 'string', demandOption: true })
          .options({
            ...stateOptions,
            hostname: { type: 'string', requiresArg: true, default: '', describe: 'shown on push devices' },
            passthru: {
              type: 'boolean',
              describe: 'accounts that are mapped to nobody enter WITHOUT a second factor',
            },
            proxy: {
              type: 'boolean',
              describe: 'it is an access proxy: it may ask for the catalogue, the vault, and about services behind it',
            },
            json,
          })
          .conflicts('proxy', 'passthru')
          .example('$0 server service add web1 --hostname web1.example.com', '')
          .example('$0 server service add gate --proxy', 'for the configuration of trasa-agent proxy'),
      async args =>
        await withState(args, async state => {
          const { addService } = await import('../server/admin/services.ts');
          const { name, hostname, passthru = false, proxy = false } = args;
          const added = addService(state, name, hostname, passthru, Date.now(), proxy ? 'proxy' : 'host');
          if (added.kind === 'done') sayKey(added.value, args.json);
          return added;
        }),
    )
    .command(
      'change <service>',
      'put a service behind the access proxies, or change what they know of it',
      command =>
        command
          .epilogue(serverStatuses)
          .positional('service', serviceOption)
          .options({
            ...stateOptions,
            hostname: { type: 'string', requiresArg: true, describe: 'its name, also in its certificate' },
            address: {
              type: 'string',
              requiresArg: true,
              describe: 'host:port where the proxies find it; "": it is behind none',
            },
            'host-key': {
              type: 'string',
              requiresArg: true,
              describe: 'file of the public key that proves the host; "": only a certificate does',
            },
            record: { type: 'boolean', describe: 'record all sessions through a proxy; --no-record does not' },
          })
          .example('$0 server service change web1 --address 10.0.0.5:22 --host-key web1.pub', ''),
      async args => {
        const { readPublicKey } = await import('../ca/files.ts');
        const { hostname, address, record, hostKey: file } = args;
        // First: opening the state may give up root's rights.
        const hostKey = file === undefined ? undefined : file === '' ? 'none' : readPublicKey(file);
        await withState(args, async state => {
          const { changeService } = await import('../server/admin/services.ts');
          const changed = changeService(state, args.service, { hostname, address, record, hostKey });
          if (changed.kind === 'done') say(`changed ${changed.value.name}`);
          return changed;
        });
      },
    )
    .command(
      'list',
      'all services: name, serviceID, host name, passthru or proxy, address, record',
      command => command.epilogue(serverStatuses).options(stateOptions),
      async args =>
        await withState(args, ({ services }) => {
          for (const { id, name, hostname, passthru, kind, address, record } of services.all()) {
            const what = kind === 'proxy' ? 'proxy' : passthru ? 'passthru' : '-';
            say([name, id, hostname || '-', what, address ?? '-', record ? 'record' : '-'].join('\t'));
          }
          return done(undefined);
        }),
    )
    .command(
      'rotate-key <service>',
      'print a new key; the old one stops working at once',
      command =>
        command
          .epilogue(serverStatuses)
          .positional('service', serviceOption)
          .options({ ...stateOptions, json })
          .example('$0 server service rotate-key web1', ''),
      async args =>
        await withState(args, async state => {
          const { rotateServiceKey } = await import('../server/admin/services.ts');
          const rotated = rotateServiceKey(state, args.service);
          if (rotated.kind === 'done') sayKey(rotated.value, args.json);
          return rotated;
        }),
    )
    .demandCommand(1, 'say add, change, list or rotate-key');
}

/** As the agent's configuration wants it. The one place that shows a service key. */
function sayKey({ service: { id, name }, key }: NewService, asJson: boolean): void {
  if (asJson) {
    say(JSON.stringify({ name, serviceID: id, serviceKey: key.expose() }));
    return;
  }
  say(`# ${name}: for its agent's configuration; the key is not shown again`);
  say(`serviceID = "${id}"`);
  say(`serviceKey = "${key.expose()}"`);
}
