import type { Argv } from 'yargs';
import { caStatuses, finish } from './ca-common.ts';
import { changeHost } from './ca-host-change.ts';

export function trustCommand(yargs: Argv): Argv {
  return yargs.command(
    'trust <keys>',
    'on a host: let people in by the certificates of a User CA; all of it, or nothing if sshd does not take it',
    command =>
      command
        .epilogue(caStatuses)
        .positional('keys', { type: 'string', demandOption: true, describe: 'a file by `ca export user`' })
        .options({
          krl: {
            type: 'string',
            requiresArg: true,
            describe: 'the revocation list [default: the one that is installed, if there is one]',
          },
          principals: {
            type: 'string',
            requiresArg: true,
            describe: "sshd's AuthorizedPrincipalsFile [default: a principal is the name of an account]",
          },
        })
        .example('$0 ca trust user-ca.pub --krl revoked.krl', ''),
    async args => {
      const { planTrust } = await import('../enlist/trust.ts');
      const plan = planTrust({ caFile: args.keys, krlFile: args.krl, principals: args.principals });
      finish(plan.kind === 'done' ? await changeHost(plan.value) : plan);
    },
  );
}
