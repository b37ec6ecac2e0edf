import type { Argv } from 'yargs';
import { exitStatus } from '../policy/refusals.ts';
import { accountOption, offlineStatuses, openPlaceFor, preparingOptions } from './offline-common.ts';
import { fail, say } from './server-common.ts';

export function codesCommand(yargs: Argv): Argv {
  return yargs.command(
    'codes <account>',
    'make single-use recovery codes and print them, once; all earlier ones end',
    command =>
      command
        .positional('account', accountOption)
        .options({
          ...preparingOptions,
          count: { type: 'number', requiresArg: true, default: 10, describe: 'how many, 1 to 100' },
        })
        .epilogue(offlineStatuses)
        .example('$0 offline codes alice | lpr', 'to paper, and into an envelope'),
    async args => await printCodes(args),
  );
}

async function printCodes(args: Parameters<typeof openPlaceFor>[0] & { readonly count: number }): Promise<void> {
  const { count, days } = args;
  if (!Number.isInteger(count) || count < 1 || count > 100) {
    fail('--count: say a whole number from 1 to 100', exitStatus.usage);
    return;
  }
  const place = await openPlaceFor(args);
  if (place === undefined) return;
  const { makeCodes } = await import('../offline/codes.ts');
  const made = await makeCodes(place.directory, { account: place.account, count, days }, Date.now());
  if (typeof made === 'string') {
    fail(made);
    return;
  }
  process.stderr.write(`recovery codes of ${place.account}, good for ${days} days; they are not shown again\n`);
  for (const code of made) say(code.expose());
}
