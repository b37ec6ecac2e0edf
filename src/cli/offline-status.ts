import type { Argv } from 'yargs';
import type { FactorStatus } from '../offline/status.ts';
import { configOption, offlineStatuses, openPlace } from './offline-common.ts';
import { fail, say } from './server-common.ts';

export function statusCommand(yargs: Argv): Argv {
  return yargs.command(
    'status',
    'what is prepared: account, factor, codes left, expiry, last use',
    command =>
      command
        .options({
          ...configOption,
          json: { type: 'boolean', default: false, describe: 'a JSON object for each line' },
        })
        .epilogue(offlineStatuses),
    async args => await printStatus(args),
  );
}

async function printStatus({ config, json }: { readonly config?: string | undefined; readonly json: boolean }) {
  const place = openPlace(config);
  if (place === undefined) return;
  const { offlineStatus } = await import('../offline/status.ts');
  const rows = offlineStatus(place.directory, Date.now());
  if (typeof rows === 'string') fail(rows);
  else for (const row of rows) say(json ? JSON.stringify(row) : lineOf(row));
}

function lineOf({ account, factor, left, expires, isExpired, lastUsed }: FactorStatus): string {
  return [
    account,
    factor,
    left === undefined ? '-' : `${left} left`,
    `${isExpired ? 'EXPIRED' : 'until'} ${expires}`,
    lastUsed === undefined ? 'never used' : `used ${lastUsed}`,
  ].join('\t');
}
