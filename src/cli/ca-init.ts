import type { Argv } from 'yargs';
import type { CaKeyType, Outsider } from '../ca/key-file.ts';
import type { CaResult } from '../ca/result.ts';
import type { CertType } from '../ssh/certificate.ts';
import {
  caStatuses,
  directoryOption,
  finish,
  keyTypeOption,
  type OutsideArguments,
  outsideKey,
  outsideOptions,
  passphraseOf,
  passphraseOption,
  type UnlockArguments,
  unless,
} from './ca-common.ts';
import { say } from './server-common.ts';

export function initCommand(yargs: Argv): Argv {
  return yargs.command(
    'init',
    'make the SSH User CA and the SSH Host CA; one that is there stays',
    command =>
      command
        .epilogue(caStatuses)
        .options({
          ...directoryOption,
          ...passphraseOption,
          user: { type: 'boolean', default: false, describe: 'the User CA' },
          host: { type: 'boolean', default: false, describe: 'the Host CA (neither is said: both)' },
          ...keyTypeOption,
          ...outsideOptions,
        })
        .example('$0 ca init', 'asks for a passphrase')
        .example('$0 ca init --user --passphrase-file /root/ca.passphrase', ''),
    async args => {
      const types: CertType[] = args.user === args.host ? ['user', 'host'] : [args.user ? 'user' : 'host'];
      if (args.agentKey === undefined && args.pkcs11 === undefined) finish(await init(args, args.type, types));
      else
        await unless(types.length === 1 ? undefined : 'say --user or --host: one key is not both CAs', async () =>
          finish(await initOutside(args, types[0] ?? 'user')),
        );
    },
  );
}

async function initOutside(args: OutsideArguments, type: CertType): Promise<CaResult<unknown>> {
  const { initCaOutside, prepareCas } = await import('../ca/authority.ts');
  const { fingerprintOf } = await import('../ca/issue.ts');
  const prepared = prepareCas(args.ca, [type]); // before anybody is asked for a PIN
  if (prepared.kind !== 'done') return prepared;
  const found = await outsideKey(args);
  if (found.kind !== 'done' || found.value === undefined) return found;
  const { key, keeper } = found.value;
  const made = initCaOutside(args.ca, type, key, keeper);
  if (made.kind === 'done') say(`made the ${type} CA: ${key.type} ${fingerprintOf(key)}, ${placeOf(keeper)}`);
  return made;
}

function placeOf(keeper: Outsider): string {
  return keeper.kind === 'token' ? 'on the token' : 'in your ssh-agent';
}

async function init(args: UnlockArguments, keyType: CaKeyType, types: readonly CertType[]): Promise<CaResult<void>> {
  const { initCa, prepareCas } = await import('../ca/authority.ts');
  const { fingerprintOf } = await import('../ca/issue.ts');
  const prepared = prepareCas(args.ca, types); // before anybody thinks of a passphrase
  if (prepared.kind !== 'done') return prepared;
  const passphrase = await passphraseOf(args, true);
  if (passphrase.kind !== 'done') return passphrase;
  for (const type of types) {
    const made = await initCa(args.ca, type, keyType, passphrase.value);
    if (made.kind !== 'done') return made;
    say(`made the ${type} CA: ${made.value.type} ${fingerprintOf(made.value)}`);
  }
  return { kind: 'done', value: undefined };
}
