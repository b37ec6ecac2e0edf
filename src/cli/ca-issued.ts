import type { Argv } from 'yargs';
import { caStatuses, directoryOption, withAuthority } from './ca-common.ts';
import { say } from './server-common.ts';

export function issuedCommand(yargs: Argv): Argv {
  return yargs.command(
    'issued',
    'what the CAs have issued, the newest first',
    command =>
      command.epilogue(caStatuses).options({
        ...directoryOption,
        limit: { type: 'number', requiresArg: true, default: 100, describe: 'so many at the most' },
        json: { type: 'boolean', default: false, describe: 'a line of JSON each, for scripts' },
      }),
    async args =>
      await withAuthority(args, async ({ issues }) => {
        const { issuedAsJson, issuedAsTable } = await import('../ca/issued-list.ts');
        const list = issues.list(Math.max(1, Math.floor(args.limit)));
        for (const line of args.json ? issuedAsJson(list) : issuedAsTable(list)) say(line);
        return { kind: 'done', value: undefined };
      }),
  );
}
