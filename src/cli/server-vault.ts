import type { Argv } from 'yargs';
import { done, failure } from '../server/admin/result.ts';
import { readWhole } from '../server/admin/terminal.ts';
import {
  accountOption,
  newPassword,
  say,
  serverStatuses,
  serviceOption,
  stateOptions,
  withState,
} from './server-common.ts';

export function vaultCommands(yargs: Argv): Argv {
  return yargs
    .command(
      'set <service> <account>',
      'keep a password, from the terminal or the first line of stdin, or with --key a private key',
      command =>
        command
          .epilogue(serverStatuses)
          .positional('service', serviceOption)
          .positional('account', accountOption)
          .options({
            ...stateOptions,
            key: {
              type: 'boolean',
              default: false,
              describe: "a private key from stdin, in OpenSSH's form and without a passphrase",
            },
          })
          .example('$0 server vault set switch1 admin', 'asks for the password')
          .example('$0 server vault set web1 deploy --key < deploy_ed25519', 'then the file can be destroyed'),
      async args =>
        await withState(args, async state => {
          const { setVault } = await import('../server/admin/vault.ts');
          const kind = args.key ? 'key' : 'password';
          const secret = args.key ? await readWhole(process.stdin) : await newPassword();
          if (secret === undefined) return failure(`no ${kind} was given${args.key ? '' : ', or the two differ'}`);
          const set = setVault(state, args.service, args.account, { kind, secret }, Date.now());
          if (set.kind === 'done') say(`a ${kind} is kept for ${set.value.account} of ${args.service}`);
          return set;
        }),
    )
    .command(
      'list',
      'what is kept: service, account, password or key, since when; never the secret',
      command => command.epilogue(serverStatuses).options(stateOptions),
      async args =>
        await withState(args, async state => {
          const { listVault } = await import('../server/admin/vault.ts');
          for (const line of listVault(state)) say(line);
          return done(undefined);
        }),
    )
    .command(
      'remove <service> <account>',
      'forget it',
      command =>
        command
          .epilogue(serverStatuses)
          .positional('service', serviceOption)
          .positional('account', accountOption)
          .options(stateOptions),
      async args =>
        await withState(args, async state => {
          const { removeVault } = await import('../server/admin/vault.ts');
          const removed = removeVault(state, args.service, args.account);
          if (removed.kind === 'done') say(`nothing is kept for ${args.account} of ${args.service} any more`);
          return removed;
        }),
    )
    .demandCommand(1, 'say set, list or remove');
}
