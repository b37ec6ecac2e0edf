import type { Argv } from 'yargs';
import { personOption, say, serverStatuses, stateOptions, withState } from './server-common.ts';

export function deviceCommands(yargs: Argv): Argv {
  return yargs
    .command(
      'list <person>',
      'what the person has enrolled: id, kind, what it is, since when',
      command => command.epilogue(serverStatuses).positional('person', personOption).options(stateOptions),
      async args =>
        await withState(args, async state => {
          const { listDevices } = await import('../server/admin/devices.ts');
          const listed = listDevices(state, args.person);
          if (listed.kind === 'done') for (const line of listed.value) say(line);
          return listed;
        }),
    )
    .command(
      'remove <id>',
      'a lost device opens nothing more, at once',
      command =>
        command.epilogue(serverStatuses).positional('id', { type: 'string', demandOption: true }).options(stateOptions),
      async args =>
        await withState(args, async state => {
          const { removeDevice } = await import('../server/admin/devices.ts');
          const removed = removeDevice(state, args.id);
          if (removed.kind === 'done') say(`removed ${args.id}`);
          return removed;
        }),
    )
    .demandCommand(1, 'say list or remove');
}
