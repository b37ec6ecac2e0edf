import type { Argv } from 'yargs';
import type { CaKeyType } from '../ca/key-file.ts';
import type { CaResult } from '../ca/result.ts';
import type { CertType } from '../ssh/certificate.ts';
import {
  agentKeyOption,
  caStatuses,
  directoryOption,
  finish,
  keyTypeOption,
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
          ...agentKeyOption,
        })
        .example('$0 ca init', 'asks for a passphrase')
        .example('$0 ca init --user --passphrase-file /root/ca.passphrase', ''),
    async args => {
      const types: CertType[] = args.user === args.host ? ['user', 'host'] : [args.user ? 'user' : 'host'];
      const { agentKey } = args;
      if (agentKey === undefined) finish(await init(args, args.type, types));
      else
        await unless(
          types.length === 1 ? undefined : 'say --user or --host: one key is not both CAs',
          async () => await initWithAgent(args.ca, types[0] ?? 'user', agentKey),
        );
    },
  );
}

async function initWithAgent(directory: string, type: CertType, keyFile: string): Promise<void> {
  const { initCaWithAgent } = await import('../ca/authority.ts');
  const { readPublicKey } = await import('../ca/files.ts');
  const { fingerprintOf } = await import('../ca/issue.ts');
  const key = readPublicKey(keyFile);
  const made = key.kind === 'done' ? initCaWithAgent(directory, type, key.value) : key;
  if (made.kind === 'done')
    say(`made the ${type} CA: ${made.value.type} ${fingerprintOf(made.value)}, in your ssh-agent`);
  finish(made);
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
