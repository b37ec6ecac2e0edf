import type { Argv } from 'yargs';
import { caStatuses, directoryOption, give, outputOption, withAuthority } from './ca-common.ts';

export function exportCommand(yargs: Argv): Argv {
  return yargs.command(
    'export <type>',
    "print a CA's public key, as sshd's TrustedUserCAKeys wants it; needs no passphrase",
    command =>
      command
        .epilogue(caStatuses)
        .positional('type', { choices: ['user', 'host'] as const, demandOption: true, describe: 'which CA' })
        .options({ ...directoryOption, ...outputOption })
        .example('$0 ca export user --output /etc/ssh/trasa-user-ca.pub', ''),
    async args =>
      await withAuthority(args, async authority => {
        const { caKey } = await import('../ca/authority.ts');
        const { publicKeyLine } = await import('../ssh/key-line.ts');
        const key = caKey(authority, args.type);
        if (key.kind !== 'done') return key;
        return await give(`${publicKeyLine(key.value.publicKey, `trasa-agent ${args.type} CA`)}\n`, args.output);
      }),
  );
}
