import type { Argv } from 'yargs';
import { done } from '../server/admin/result.ts';
import { personOption, say, serverStatuses, serviceOption, stateOptions, withState } from './server-common.ts';

const accountOption = { type: 'string', demandOption: true, describe: 'Unix user on that host' } as const;

export function accessCommands(yargs: Argv): Argv {
  return yargs
    .command(
      'grant <person> <service> <account>',
      'let a person in; takes the place of an earlier grant of the same account',
      command =>
        command
          .epilogue(serverStatuses)
          .positional('person', personOption)
          .positional('service', serviceOption)
          .positional('account', accountOption)
          .options({
            ...stateOptions,
            tfa: { type: 'boolean', default: true, describe: 'ask for a second factor; --no-tfa does not' },
            'from-ip': {
              type: 'string',
              array: true,
              requiresArg: true,
              default: [] as string[],
              describe: 'only from these addresses or CIDR blocks',
            },
            hours: { type: 'string', requiresArg: true, default: '', describe: 'only then' },
            'time-zone': {
              type: 'string',
              requiresArg: true,
              default: 'UTC',
              describe: 'of the hours and the last day',
            },
            expires: { type: 'string', requiresArg: true, describe: 'the last day, YYYY-MM-DD' },
          })
          .example('$0 server access grant alice@example.com web1 alice', '')
          .example('$0 server access grant bob web1 deploy --from-ip 10.0.0.0/8 --expires 2030-12-31', '')
          .example('$0 server access grant bob web1 bob --hours "Mon-Fri 08:00-18:00, Sat 10:00-12:00"', ''),
      async args =>
        await withState(args, async state => {
          const { grantAccess } = await import('../server/admin/access.ts');
          const granted = grantAccess(state, args);
          if (granted.kind === 'done') say(`${args.person} may enter ${granted.value.account} of ${args.service}`);
          return granted;
        }),
    )
    .command(
      'revoke <person> <service> <account>',
      'undo grant',
      command =>
        command
          .epilogue(serverStatuses)
          .positional('person', personOption)
          .positional('service', serviceOption)
          .positional('account', accountOption)
          .options(stateOptions)
          .example('$0 server access revoke alice@example.com web1 alice', ''),
      async args =>
        await withState(args, async state => {
          const { revokeAccess } = await import('../server/admin/access.ts');
          const revoked = revokeAccess(state, args.person, args.service, args.account);
          if (revoked.kind === 'done') say(`${args.person} may no longer enter ${args.account} of ${args.service}`);
          return revoked;
        }),
    )
    .command(
      'list',
      'all grants: person, service, account, terms',
      command => command.epilogue(serverStatuses).options(stateOptions),
      async args =>
        await withState(args, async state => {
          const { listAccess } = await import('../server/admin/access.ts');
          for (const line of listAccess(state)) say(line);
          return done(undefined);
        }),
    )
    .demandCommand(1, 'say grant, revoke or list');
}
