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
              default: false,
              describe: 'accounts that are mapped to nobody enter WITHOUT a second factor',
            },
            json,
          })
          .example('$0 server service add web1 --hostname web1.example.com', ''),
      async args =>
        await withState(args, async state => {
          const { addService } = await import('../server/admin/services.ts');
          const added = addService(state, args.name, args.hostname, args.passthru, Date.now());
          if (added.kind === 'done') sayKey(added.value, args.json);
          return added;
        }),
    )
    .command(
      'list',
      'all services: name, serviceID, host name, passthru',
      command => command.epilogue(serverStatuses).options(stateOptions),
      async args =>
        await withState(args, ({ services }) => {
          for (const { id, name, hostname, passthru } of services.all())
            say([name, id, hostname === '' ? '-' : hostname, passthru ? 'passthru' : '-'].join('\t'));
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
    .demandCommand(1, 'say add, list or rotate-key');
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
