import type { Argv } from 'yargs';
import { configOption, offlineStatuses, openPlace } from './offline-common.ts';
import { fail, say } from './server-common.ts';

interface RevokeArguments {
  readonly account: string;
  readonly config?: string | undefined;
  readonly totp: boolean;
  readonly codes: boolean;
}

export function revokeCommand(yargs: Argv): Argv {
  return yargs.command(
    'revoke <account>',
    'take away what is prepared for an account, at once: all of it, or one kind',
    command =>
      command
        .positional('account', { type: 'string', demandOption: true, describe: 'as `offline status` shows it' })
        .options({
          ...configOption,
          totp: { type: 'boolean', default: false, describe: 'the time-based credential only' },
          codes: { type: 'boolean', default: false, describe: 'the recovery codes only' },
        })
        .epilogue(offlineStatuses),
    async args => await revokeFactors(args),
  );
}

async function revokeFactors({ account, config, totp, codes }: RevokeArguments): Promise<void> {
  const place = openPlace(config);
  if (place === undefined) return;
  const { revoke } = await import('../offline/revoke.ts');
  const isAll = totp === codes;
  const fault = revoke(place.directory, account, { totp: totp || isAll, codes: codes || isAll });
  if (fault === undefined)
    say(`revoked ${isAll ? 'all' : totp ? 'the credential' : 'the recovery codes'} of ${account}`);
  else fail(fault);
}
