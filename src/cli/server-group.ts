import type { Argv } from 'yargs';
import { done } from '../server/admin/result.ts';
import { personOption, say, serverStatuses, stateOptions, withState } from './server-common.ts';

const groupOption = { type: 'string', demandOption: true, describe: 'name of the group' } as const;

export function groupCommands(yargs: Argv): Argv {
  return yargs
    .command(
      'add <group>',
      'add a group, with nobody in it',
      command =>
        command
          .epilogue(serverStatuses)
          .positional('group', groupOption)
          .options(stateOptions)
          .example('$0 server group add operators', 'then: server access grant @operators web1 root'),
      async args =>
        await withState(args, async state => {
          const { addGroup } = await import('../server/admin/groups.ts');
          const added = addGroup(state, args.group, Date.now());
          if (added.kind === 'done') say(`added ${added.value.name}`);
          return added;
        }),
    )
    .command(
      'remove <group>',
      'remove a group, and what was granted to it',
      command => command.epilogue(serverStatuses).positional('group', groupOption).options(stateOptions),
      async args =>
        await withState(args, async state => {
          const { removeGroup } = await import('../server/admin/groups.ts');
          const removed = removeGroup(state, args.group);
          if (removed.kind === 'done') say(`removed ${removed.value.name}`);
          return removed;
        }),
    )
    .command(
      'join <group> <person>',
      'put a person into a group',
      command =>
        command
          .epilogue(serverStatuses)
          .positional('group', groupOption)
          .positional('person', personOption)
          .options(stateOptions)
          .example('$0 server group join operators alice@example.com', ''),
      async args =>
        await withState(args, async state => {
          const { joinGroup } = await import('../server/admin/groups.ts');
          const joined = joinGroup(state, args.group, args.person);
          if (joined.kind === 'done') say(`${args.person} is in ${args.group}`);
          return joined;
        }),
    )
    .command(
      'leave <group> <person>',
      'undo join',
      command =>
        command
          .epilogue(serverStatuses)
          .positional('group', groupOption)
          .positional('person', personOption)
          .options(stateOptions),
      async args =>
        await withState(args, async state => {
          const { leaveGroup } = await import('../server/admin/groups.ts');
          const left = leaveGroup(state, args.group, args.person);
          if (left.kind === 'done') say(`${args.person} is no longer in ${args.group}`);
          return left;
        }),
    )
    .command(
      'list',
      'all groups, and who is in them',
      command => command.epilogue(serverStatuses).options(stateOptions),
      async args =>
        await withState(args, async state => {
          const { listGroups } = await import('../server/admin/groups.ts');
          for (const line of listGroups(state)) say(line);
          return done(undefined);
        }),
    )
    .demandCommand(1, 'say add, remove, join, leave or list');
}
