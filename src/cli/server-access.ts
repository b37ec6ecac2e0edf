import type { Argv } from 'yargs';
import { done } from '../server/admin/result.ts';
import { accountOption, say, serverStatuses, serviceOption, stateOptions, withState } from './server-common.ts';

const whoOption = { type: 'string', demandOption: true, describe: 'email, username, or @group' } as const;

const flag = { type: 'boolean', default: false } as const;
const seconds = { type: 'number', requiresArg: true, default: 0 } as const;
const texts = { type: 'string', array: true, requiresArg: true, default: [] as string[] } as const;

const sessionOptions = {
  record: { ...flag, describe: 'record the session' },
  shell: { type: 'boolean', describe: 'allow shells [default: unless there are --allow-command]' },
  'allow-command': { ...texts, describe: 'allow these commands only, with * and ? as in ssh_config(5)' },
  'file-transfer': {
    type: 'boolean',
    describe: 'allow sftp, scp and rsync [default: unless there are --allow-command]',
  },
  'forward-to': { ...texts, describe: 'allow forwarding to host:port, as in PermitOpen' },
  'forward-from': { ...texts, describe: 'allow forwarding from [host:]port of the host, as in PermitListen' },
  'forward-sockets': { ...flag, describe: 'allow forwarding of Unix sockets' },
  'forward-agent': { ...flag, describe: 'allow forwarding of the agent' },
  'forward-x11': { ...flag, describe: 'allow X11' },
  jump: { ...flag, describe: 'allow ssh -J, of which the proxy sees nothing' },
  approval: { ...seconds, describe: 'an administrator has to approve, and that counts for so many seconds' },
  'idle-timeout': { ...seconds, describe: 'seconds without a byte that end the session; 0: none' },
  'session-timeout': { ...seconds, describe: 'seconds after which the session ends; 0: none' },
} as const;

export function accessCommands(yargs: Argv): Argv {
  return yargs
    .command(
      'grant <who> <service> <account>',
      'let a person or a group in; takes the place of an earlier grant of the same account',
      command =>
        command
          .epilogue(serverStatuses)
          .positional('who', whoOption)
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
            ...sessionOptions,
          })
          .group(Object.keys(sessionOptions), 'Through the access proxy only, which sees to them:')
          .example('$0 server access grant alice@example.com web1 alice', '')
          .example('$0 server access grant bob web1 deploy --from-ip 10.0.0.0/8 --expires 2030-12-31', '')
          .example('$0 server access grant bob web1 bob --hours "Mon-Fri 08:00-18:00, Sat 10:00-12:00"', '')
          .example('$0 server access grant @operators web1 root --record --idle-timeout 900', 'everybody in a group'),
      async args =>
        await withState(args, async state => {
          const { grantAccess } = await import('../server/admin/access.ts');
          const granted = grantAccess(state, args);
          if (granted.kind === 'done') say(`${args.who} may enter ${granted.value.account} of ${args.service}`);
          return granted;
        }),
    )
    .command(
      'revoke <who> <service> <account>',
      'undo grant',
      command =>
        command
          .epilogue(serverStatuses)
          .positional('who', whoOption)
          .positional('service', serviceOption)
          .positional('account', accountOption)
          .options(stateOptions)
          .example('$0 server access revoke alice@example.com web1 alice', ''),
      async args =>
        await withState(args, async state => {
          const { revokeAccess } = await import('../server/admin/access.ts');
          const revoked = revokeAccess(state, args.who, args.service, args.account);
          if (revoked.kind === 'done') say(`${args.who} may no longer enter ${args.account} of ${args.service}`);
          return revoked;
        }),
    )
    .command(
      'list',
      'all grants: person or group, service, account, terms',
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
