import type { Argv } from 'yargs';
import { done, failure } from '../server/admin/result.ts';
import { newPassword, personOption, say, serverStatuses, stateOptions, withState } from './server-common.ts';
import { keyCommands } from './server-key.ts';

export function personCommands(yargs: Argv): Argv {
  return yargs
    .command(
      'add <email>',
      'add a person',
      command =>
        command
          .epilogue(serverStatuses)
          .positional('email', { type: 'string', demandOption: true })
          .options({
            ...stateOptions,
            username: { type: 'string', requiresArg: true, describe: 'a second name to be known by' },
            password: { type: 'boolean', default: false, describe: 'ask for a password (hosts do not need one)' },
          })
          .example('$0 server person add alice@example.com --username alice', '')
          .example('$0 server person add bob@example.com --password < file', 'the first line of the file'),
      async args =>
        await withState(args, async state => {
          const { addPerson } = await import('../server/admin/people.ts');
          const password = args.password ? await newPassword() : undefined;
          if (args.password && password === undefined) return noPassword;
          const added = await addPerson(state, args.email, args.username, password, Date.now());
          if (added.kind === 'done') say(`added ${added.value.email}`);
          return added;
        }),
    )
    .command(
      'list',
      'everybody: email, username, state, role',
      command => command.epilogue(serverStatuses).options(stateOptions),
      async args =>
        await withState(args, ({ people }) => {
          for (const { email, username, enabled, role } of people.all())
            say([email, username ?? '-', enabled ? 'enabled' : 'disabled', role].join('\t'));
          return done(undefined);
        }),
    )
    .command(
      'disable <person>',
      'refuse this person everywhere, at once',
      command => command.epilogue(serverStatuses).positional('person', personOption).options(stateOptions),
      async args => await setEnabled(args, false),
    )
    .command(
      'enable <person>',
      'undo disable',
      command => command.epilogue(serverStatuses).positional('person', personOption).options(stateOptions),
      async args => await setEnabled(args, true),
    )
    .command(
      'role <person> <role>',
      "make somebody an administrator of the server's API, or again a user like others",
      command =>
        command
          .epilogue(serverStatuses)
          .positional('person', personOption)
          .positional('role', { choices: ['user', 'admin'] as const, demandOption: true })
          .options(stateOptions)
          .example('$0 server person role alice@example.com admin', ''),
      async args =>
        await withState(args, async state => {
          const { setRole } = await import('../server/admin/people.ts');
          const changed = setRole(state, args.person, args.role);
          if (changed.kind === 'done') say(`${changed.value.email} is now: ${args.role}`);
          return changed;
        }),
    )
    .command(
      'password <person>',
      'set a password, from the terminal or the first line of stdin',
      command =>
        command
          .epilogue(serverStatuses)
          .positional('person', personOption)
          .options(stateOptions)
          .example('$0 server person password alice@example.com', ''),
      async args =>
        await withState(args, async state => {
          const { changePassword } = await import('../server/admin/people.ts');
          const password = await newPassword();
          if (password === undefined) return noPassword;
          const changed = await changePassword(state, args.person, password);
          if (changed.kind === 'done') say(`changed the password of ${changed.value.email}`);
          return changed;
        }),
    )
    .command('key', 'public keys by which people are known to the access proxy', keyCommands)
    .demandCommand(1, 'say add, list, disable, enable, role, password or key');
}

async function setEnabled(
  args: Parameters<typeof withState>[0] & { readonly person: string },
  enabled: boolean,
): Promise<void> {
  await withState(args, async state => {
    const { enablePerson } = await import('../server/admin/people.ts');
    const changed = enablePerson(state, args.person, enabled);
    if (changed.kind === 'done') say(`${enabled ? 'enabled' : 'disabled'} ${changed.value.email}`);
    return changed;
  });
}

const noPassword = failure('no password was given, or the two differ');
