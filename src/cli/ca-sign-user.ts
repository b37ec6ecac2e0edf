import type { Argv } from 'yargs';
import {
  caStatuses,
  directoryOption,
  give,
  outputOption,
  passphraseOption,
  type UnlockArguments,
  withIssuer,
} from './ca-common.ts';

export function signUserCommand(yargs: Argv): Argv {
  return yargs.command(
    'sign-user <key>',
    'certify a public key, for some accounts and some time',
    command =>
      command
        .epilogue(caStatuses)
        .positional('key', { type: 'string', demandOption: true, describe: 'a .pub file' })
        .options({
          ...directoryOption,
          ...passphraseOption,
          ...outputOption,
          principal: {
            type: 'string',
            array: true,
            nargs: 1,
            requiresArg: true,
            demandOption: true,
            describe: 'an account that may be entered (again for more)',
          },
          for: { type: 'string', requiresArg: true, default: '5m', describe: 'how long: 5m, 12h, 30d' },
          'key-id': {
            type: 'string',
            requiresArg: true,
            describe: 'what sshd logs, and revoke knows [default: the first principal]',
          },
          'source-address': {
            type: 'string',
            requiresArg: true,
            describe: 'only from these addresses: CIDR blocks, comma separated',
          },
          'force-command': { type: 'string', requiresArg: true, describe: 'sshd runs this, whatever is asked for' },
          'verify-required': {
            type: 'boolean',
            default: false,
            describe: 'of a security key: the person has to be verified (PIN, fingerprint)',
          },
          extension: {
            type: 'string',
            array: true,
            nargs: 1,
            requiresArg: true,
            default: ['permit-pty'],
            describe: 'what is permitted (again for more), or none',
          },
        })
        .example('$0 ca sign-user --principal alice alice.pub', '')
        .example('$0 ca sign-user --principal backup --for 1d --force-command /usr/bin/rrsync key.pub', ''),
    async args => await signUser(args),
  );
}

interface SignUserArguments extends UnlockArguments {
  readonly key: string;
  readonly principal: readonly string[];
  readonly for: string;
  readonly keyId?: string | undefined;
  readonly sourceAddress?: string | undefined;
  readonly forceCommand?: string | undefined;
  readonly verifyRequired: boolean;
  readonly extension: readonly string[];
  readonly output?: string | undefined;
}

async function signUser(args: SignUserArguments): Promise<void> {
  await withIssuer(args, 'user', async issuer => {
    const { parseDuration } = await import('../ca/duration.ts');
    const { readPublicKey } = await import('../ca/files.ts');
    const { signUserKey } = await import('../ca/user-certificate.ts');
    const { certificateLine } = await import('../ca/issue.ts');
    const forSeconds = parseDuration(args.for);
    if (forSeconds === undefined) return { kind: 'refused', text: `--for ${args.for}: say 5m, 12h or 30d` };
    const key = readPublicKey(args.key);
    if (key.kind !== 'done') return key;
    const { principal: principals, keyId = args.principal[0] ?? '' } = args;
    const extensions = args.extension.filter(name => name !== 'none');
    const issued = await signUserKey(
      issuer,
      key.value,
      keyId,
      { ...args, principals, extensions, forSeconds },
      Date.now(),
    );
    if (issued.kind !== 'done') return issued;
    return await give(certificateLine(key.value, issued.value.certificate, keyId), args.output);
  });
}
