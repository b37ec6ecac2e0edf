import type { Argv } from 'yargs';
import { caStatuses, directoryOption, give, outputOption, withAuthority } from './ca-common.ts';

export function krlCommand(yargs: Argv): Argv {
  return yargs.command(
    'krl',
    "all that was revoked, as sshd's RevokedKeys and ssh's RevokedHostKeys want it",
    command =>
      command
        .epilogue(caStatuses)
        .options({ ...directoryOption, ...outputOption })
        .example('$0 ca krl --output /etc/ssh/trasa-revoked.krl', ''),
    async args =>
      await withAuthority(args, async authority => {
        const { krlOf } = await import('../ca/revocation.ts');
        const { encodeKrl } = await import('../ssh/krl-write.ts');
        return await give(encodeKrl(krlOf(authority, Date.now())), args.output);
      }),
  );
}
