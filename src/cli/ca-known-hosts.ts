import type { Argv } from 'yargs';
import { caStatuses, directoryOption, give, withAuthority } from './ca-common.ts';

export function knownHostsCommand(yargs: Argv): Argv {
  return yargs.command(
    'known-hosts <pattern..>',
    'the lines of /etc/ssh/ssh_known_hosts by which clients trust the Host CA for these hosts',
    command =>
      command
        .epilogue(caStatuses)
        .positional('pattern', { type: 'string', array: true, demandOption: true, describe: 'such as *.example.com' })
        .options({
          ...directoryOption,
          any: { type: 'boolean', default: false, describe: 'allow a pattern that is every host, such as *' },
        })
        .example("$0 ca known-hosts '*.example.com' >>/etc/ssh/ssh_known_hosts", ''),
    async args =>
      await withAuthority(args, async authority => {
        const { trustedKeys } = await import('../ca/rotation.ts');
        const { knownHostsLines } = await import('../ca/known-hosts.ts');
        const keys = trustedKeys(authority, 'host', Date.now());
        if (keys.kind !== 'done') return keys;
        const lines = knownHostsLines(keys.value, args.pattern, args.any);
        return lines.kind === 'done' ? await give(lines.value, undefined) : lines;
      }),
  );
}
