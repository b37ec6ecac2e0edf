import type { Argv } from 'yargs';
import { caStatuses, directoryOption, give, outputOption, typePositional, withAuthority } from './ca-common.ts';

export function exportCommand(yargs: Argv): Argv {
  return yargs.command(
    'export <type>',
    "print a CA's public key, as sshd's TrustedUserCAKeys wants it; needs no passphrase",
    command =>
      command
        .epilogue(caStatuses)
        .positional('type', typePositional)
        .options({ ...directoryOption, ...outputOption })
        .example('$0 ca export user --output /etc/ssh/trasa-user-ca.pub', ''),
    async args =>
      await withAuthority(args, async authority => {
        const { trustedKeys } = await import('../ca/rotation.ts');
        const { exportedKeys } = await import('../ca/exported-keys.ts');
        const keys = trustedKeys(authority, args.type, Date.now());
        if (keys.kind !== 'done') return keys;
        return await give(exportedKeys(keys.value, args.type), args.output);
      }),
  );
}
