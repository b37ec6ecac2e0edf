import type { Argv } from 'yargs';
import type { Authority } from '../ca/authority.ts';
import type { CaKeyType } from '../ca/key-file.ts';
import type { CaResult } from '../ca/result.ts';
import type { CertType } from '../ssh/certificate.ts';
import type { PublicKey } from '../ssh/public-key.ts';
import {
  agentKeyOption,
  caStatuses,
  directoryOption,
  keyTypeOption,
  passphraseOf,
  passphraseOption,
  typePositional,
  type UnlockArguments,
  withAuthority,
} from './ca-common.ts';
import { say } from './server-common.ts';

export function rotateCommand(yargs: Argv): Argv {
  return yargs.command('rotate', 'put a new CA in the place of an old one, without a gap', command =>
    command
      .command(
        'start <which>',
        'make the next CA; export and known-hosts print both from now on, and the old one signs',
        one =>
          one
            .epilogue(caStatuses)
            .positional('which', typePositional)
            .options({ ...directoryOption, ...passphraseOption, ...keyTypeOption, ...agentKeyOption }),
        async args => await withAuthority(args, async authority => await start(authority, args)),
      )
      .command(
        'finish <which>',
        'the next CA signs; the old one stays trusted until its last certificate ends',
        one => one.epilogue(caStatuses).positional('which', typePositional).options(directoryOption),
        async args => await withAuthority(args, async authority => await finishOf(authority, args.which)),
      )
      .command(
        'abort <which>',
        'the next CA goes; the old one goes on signing',
        one => one.epilogue(caStatuses).positional('which', typePositional).options(directoryOption),
        async args => await withAuthority(args, async authority => await abort(authority, args.which)),
      )
      .epilogue(caStatuses)
      .demandCommand(1, 'say start, finish or abort'),
  );
}

interface StartArguments extends UnlockArguments {
  readonly which: CertType;
  readonly type: CaKeyType;
  readonly agentKey?: string | undefined;
}

async function start(authority: Authority, args: StartArguments): Promise<CaResult<unknown>> {
  const { fingerprintOf } = await import('../ca/issue.ts');
  const next = await makeNext(authority, args);
  if (next.kind === 'done')
    say(
      `made the next ${args.which} CA: ${next.value.type} ${fingerprintOf(next.value)}; have it trusted, then finish`,
    );
  return next;
}

async function makeNext(authority: Authority, args: StartArguments): Promise<CaResult<PublicKey>> {
  const { which, type, agentKey } = args;
  const { readyToStart, startRotation, startRotationWithAgent } = await import('../ca/rotation.ts');
  const ready = readyToStart(authority, which); // before anybody thinks of a passphrase
  if (ready.kind !== 'done') return ready;
  if (agentKey !== undefined) {
    const { readPublicKey } = await import('../ca/files.ts');
    const key = readPublicKey(agentKey);
    return key.kind === 'done' ? startRotationWithAgent(authority, which, key.value) : key;
  }
  const passphrase = await passphraseOf(args, true);
  return passphrase.kind === 'done' ? await startRotation(authority, which, type, passphrase.value) : passphrase;
}

async function finishOf(authority: Authority, which: CertType): Promise<CaResult<unknown>> {
  const { finishRotation } = await import('../ca/rotation.ts');
  const { fingerprintOf } = await import('../ca/issue.ts');
  const finished = finishRotation(authority, which, Date.now());
  if (finished.kind !== 'done') return finished;
  const { signs, retired, trustedUntil } = finished.value;
  say(`the ${which} CA is now ${fingerprintOf(signs)}`);
  if (trustedUntil !== undefined)
    say(
      `certificates by ${fingerprintOf(retired)} are left until ${new Date(Number(trustedUntil) * 1000).toISOString()}`,
    );
  return finished;
}

async function abort(authority: Authority, which: CertType): Promise<CaResult<unknown>> {
  const { abortRotation } = await import('../ca/rotation.ts');
  const { fingerprintOf } = await import('../ca/issue.ts');
  const aborted = abortRotation(authority, which);
  if (aborted.kind === 'done') say(`${fingerprintOf(aborted.value)} is gone; take it out wherever it is trusted`);
  return aborted;
}
