import type { Argv } from 'yargs';
import type { Authority } from '../ca/authority.ts';
import type { Revocation } from '../ca/issue-rows.ts';
import type { CaResult } from '../ca/result.ts';
import { caStatuses, directoryOption, unless, withAuthority } from './ca-common.ts';
import { say } from './server-common.ts';

export function revokeCommand(yargs: Argv): Argv {
  return yargs.command(
    'revoke',
    'take back a certificate, by its serial, its key id or its key; hosts learn of it by the KRL',
    command =>
      command
        .epilogue(caStatuses)
        .options({
          ...directoryOption,
          serial: { type: 'string', requiresArg: true, describe: 'of a certificate on record' },
          'key-id': {
            type: 'string',
            requiresArg: true,
            describe: 'of all certificates that have it, also later ones',
          },
          key: { type: 'string', requiresArg: true, describe: 'a .pub file: the key, in whatever certificate' },
          reason: { type: 'string', requiresArg: true, default: '', describe: 'for the record' },
          krl: { type: 'string', requiresArg: true, describe: 'write the KRL to this file, too' },
        })
        .example('$0 ca revoke --serial 42 --krl /etc/ssh/trasa-revoked.krl', ''),
    async args => {
      const isClear = [args.serial, args.keyId, args.key].filter(one => one !== undefined).length === 1;
      await unless(isClear ? undefined : 'say one of --serial, --key-id and --key', async () => await revoke(args));
    },
  );
}

async function revoke(args: RevokeArguments): Promise<void> {
  await withAuthority(args, async authority => {
    const revocation = await wanted(authority, args);
    if (revocation.kind !== 'done') return revocation;
    const isNew = authority.issues.revoke(revocation.value, args.reason, Date.now());
    say(isNew ? 'revoked' : 'it was revoked before');
    const { writeKrl } = await import('../ca/revocation.ts');
    return args.krl === undefined ? revocation : writeKrl(authority, args.krl, Date.now());
  });
}

interface RevokeArguments {
  readonly ca: string;
  readonly reason: string;
  readonly krl?: string | undefined;
  readonly serial?: string | undefined;
  readonly keyId?: string | undefined;
  readonly key?: string | undefined;
}

async function wanted(
  authority: Authority,
  { serial, keyId, key }: Pick<RevokeArguments, 'serial' | 'keyId' | 'key'>,
): Promise<CaResult<Revocation>> {
  const { revocationOfKey, revocationOfKeyId, revocationOfSerial } = await import('../ca/revocation.ts');
  if (serial !== undefined) return revocationOfSerial(authority, serial);
  if (keyId !== undefined) return revocationOfKeyId(keyId);
  const { readPublicKey } = await import('../ca/files.ts');
  const read = readPublicKey(key ?? '');
  return read.kind === 'done' ? revocationOfKey(read.value) : read;
}
