import type { Argv } from 'yargs';
import { exitStatus } from '../policy/refusals.ts';
import { exitStatuses } from './exit-statuses.ts';
import { fail } from './server-common.ts';

export function testCommand(yargs: Argv): Argv {
  return yargs.command(
    'test',
    'try your second factor: a login as the daemon sees it, without a session',
    command =>
      command
        .options({
          user: { type: 'string', requiresArg: true, describe: 'another account; for root' },
          socket: {
            type: 'string',
            requiresArg: true,
            default: '/run/trasa-agent/agent.sock',
            describe: "the daemon's socket",
          },
        })
        .epilogue(exitStatuses('would be let in', ['unavailable', 'tryLater', 'noPermission', 'config', 'interrupted']))
        .example('$0 test', 'before you log out')
        .example('$0 test --user alice < /dev/null', 'a push to her device, as for scp'),
    async ({ user, socket }) => {
      process.exitCode = await test(user, socket);
    },
  );
}

async function test(user: string | undefined, socket: string): Promise<number> {
  const { currentUser } = await import('../host/user.ts');
  const { rehearse } = await import('../login/rehearsal.ts');
  const account = user ?? (await currentUser(process.env['LOGNAME']))?.name;
  if (account !== undefined) return await rehearse(account, socket);
  fail('this host cannot look up your account');
  return exitStatus.unavailable;
}
