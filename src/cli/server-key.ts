import type { Argv } from 'yargs';
import { personOption, say, serverStatuses, stateOptions, withState } from './server-common.ts';

export function keyCommands(yargs: Argv): Argv {
  return yargs
    .command(
      'add <person> <file>',
      'register a public key, as ssh-keygen makes it, as a first factor at the access proxy',
      command =>
        command
          .epilogue(serverStatuses)
          .positional('person', personOption)
          .positional('file', { type: 'string', demandOption: true, describe: 'of the public key' })
          .options(stateOptions)
          .example('$0 server person key add alice@example.com alice.pub', ''),
      async args => {
        const { readPublicKey } = await import('../ca/files.ts');
        const key = readPublicKey(args.file); // first: opening the state may give up root's rights
        await withState(args, async state => {
          const { addKey } = await import('../server/admin/keys.ts');
          const added = addKey(state, args.person, key, Date.now());
          if (added.kind === 'done') say(`${added.value.fingerprint} is a key of ${args.person}`);
          return added;
        });
      },
    )
    .command(
      'list <person>',
      'keys of a person: fingerprint, type, since when',
      command => command.epilogue(serverStatuses).positional('person', personOption).options(stateOptions),
      async args =>
        await withState(args, async state => {
          const { listKeys } = await import('../server/admin/keys.ts');
          const listed = listKeys(state, args.person);
          if (listed.kind === 'done') for (const line of listed.value) say(line);
          return listed;
        }),
    )
    .command(
      'remove <fingerprint>',
      'the key proves nothing any more, as soon as the proxies hear of it',
      command =>
        command
          .epilogue(serverStatuses)
          .positional('fingerprint', { type: 'string', demandOption: true, describe: 'SHA256:…, as list prints it' })
          .options(stateOptions),
      async args =>
        await withState(args, async state => {
          const { removeKey } = await import('../server/admin/keys.ts');
          const removed = removeKey(state, args.fingerprint);
          if (removed.kind === 'done') say(`removed ${args.fingerprint}`);
          return removed;
        }),
    )
    .demandCommand(1, 'say add, list or remove');
}
