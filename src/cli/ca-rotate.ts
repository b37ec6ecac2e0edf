import type { Argv } from 'yargs';
import type { Authority } from '../ca/authority.ts';
import type { CaKeyType } from '../ca/key-file.ts';
import type { CaResult } from '../ca/result.ts';
import type { HostStanding } from '../ca/rotation-standing.ts';
import type { CertType } from '../ssh/certificate.ts';
import type { PublicKey } from '../ssh/public-key.ts';
import {
  caStatuses,
  directoryOption,
  keyTypeOption,
  type OutsideArguments,
  outsideKey,
  outsideOptions,
  passphraseOf,
  passphraseOption,
  typePositional,
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
            .options({ ...directoryOption, ...passphraseOption, ...keyTypeOption, ...outsideOptions }),
        async args => await withAuthority(args, async authority => await start(authority, args)),
      )
      .command(
        'finish <which>',
        'the next CA signs, if all hosts trust it; the old one stays trusted until its last certificate ends',
        one =>
          one
            .epilogue(caStatuses)
            .positional('which', typePositional)
            .options({
              ...directoryOption,
              force: {
                type: 'boolean',
                default: false,
                describe: 'even if hosts do not trust the next CA, or have never said whether they do',
              },
            }),
        async args => await withAuthority(args, async authority => await finishOf(authority, args.which, args.force)),
      )
      .command(
        'status',
        'which hosts still miss the new CA',
        one =>
          one.epilogue(caStatuses).options({
            ...directoryOption,
            json: { type: 'boolean', default: false, describe: 'one JSON object' },
          }),
        async args => await withAuthority(args, async authority => await status(authority, args.json)),
      )
      .command(
        'abort <which>',
        'the next CA goes; the old one goes on signing',
        one => one.epilogue(caStatuses).positional('which', typePositional).options(directoryOption),
        async args => await withAuthority(args, async authority => await abort(authority, args.which)),
      )
      .epilogue(caStatuses)
      .demandCommand(1, 'say start, status, finish or abort'),
  );
}

interface StartArguments extends OutsideArguments {
  readonly which: CertType;
  readonly type: CaKeyType;
}

async function start(authority: Authority, args: StartArguments): Promise<CaResult<unknown>> {
  const { fingerprintOf } = await import('../ca/issue.ts');
  const next = await makeNext(authority, args);
  if (next.kind !== 'done') return next;
  say(`made the next ${args.which} CA: ${next.value.type} ${fingerprintOf(next.value)}; have it trusted, then finish`);
  return await reopened(args, async again => await sayWhoMisses(again, args.which));
}

async function makeNext(authority: Authority, args: StartArguments): Promise<CaResult<PublicKey>> {
  const { which, type } = args;
  const { readyToStart, startRotation, startRotationOutside } = await import('../ca/rotation.ts');
  const ready = readyToStart(authority, which); // before anybody thinks of a passphrase
  if (ready.kind !== 'done') return ready;
  const outside = await outsideKey(args);
  if (outside.kind !== 'done') return outside;
  if (outside.value !== undefined)
    return startRotationOutside(authority, which, outside.value.key, outside.value.keeper);
  const passphrase = await passphraseOf(args, true);
  return passphrase.kind === 'done' ? await startRotation(authority, which, type, passphrase.value) : passphrase;
}

async function finishOf(authority: Authority, which: CertType, force: boolean): Promise<CaResult<unknown>> {
  const { finishRotation } = await import('../ca/rotation.ts');
  const { fingerprintOf } = await import('../ca/issue.ts');
  const { missingHosts } = await import('../ca/rotation-standing.ts');
  const missing = authority.nextKeys[which] === undefined ? [] : missingHosts(authority, which, Date.now());
  if (missing.length > 0) {
    for (const host of missing) say(missingLine(host, which));
    if (!force) return { kind: 'refused', text: 'these hosts miss the next CA, or may; --force finishes all the same' };
  }
  const finished = finishRotation(authority, which, Date.now());
  if (finished.kind !== 'done') return finished;
  const { signs, retired, trustedUntil } = finished.value;
  say(`the ${which} CA is now ${fingerprintOf(signs)}`);
  if (trustedUntil !== undefined)
    say(
      `certificates by ${fingerprintOf(retired)} are left until ${new Date(Number(trustedUntil) * 1000).toISOString()}`,
    );
  say('trasa-agent ca rotate status says which hosts have not come over');
  say('what has the old one in memory, as trasa-agent proxy does, signs with it until it is restarted');
  return finished;
}

async function status(authority: Authority, json: boolean): Promise<CaResult<unknown>> {
  const { hostStandings } = await import('../ca/rotation-standing.ts');
  const { standingAsJson, standingAsTable } = await import('../ca/standing-list.ts');
  const now = Date.now();
  const hosts = hostStandings(authority, now);
  if (json) say(standingAsJson(authority, hosts, now));
  else for (const line of standingAsTable(authority, hosts, now)) say(line);
  return { kind: 'done', value: undefined };
}

async function sayWhoMisses(authority: Authority, which: CertType): Promise<CaResult<unknown>> {
  const { missingHosts } = await import('../ca/rotation-standing.ts');
  for (const host of missingHosts(authority, which, Date.now())) say(missingLine(host, which));
  return { kind: 'done', value: undefined };
}

function missingLine({ name, trusts }: HostStanding, which: CertType): string {
  return trusts[which] === 'unknown'
    ? `${name} has never said which CAs it trusts`
    : `${name} does not trust the next ${which} CA yet`;
}

/** As it is on disk now. */
async function reopened(
  args: StartArguments,
  work: (authority: Authority) => Promise<CaResult<unknown>>,
): Promise<CaResult<unknown>> {
  const { openAuthority } = await import('../ca/authority.ts');
  const opened = openAuthority(args.ca);
  if (opened.kind !== 'done') return opened;
  try {
    return await work(opened.value);
  } finally {
    opened.value.close();
  }
}

async function abort(authority: Authority, which: CertType): Promise<CaResult<unknown>> {
  const { abortRotation } = await import('../ca/rotation.ts');
  const { fingerprintOf } = await import('../ca/issue.ts');
  const { hostStandings } = await import('../ca/rotation-standing.ts');
  const trusting = hostStandings(authority, Date.now()).filter(({ trusts }) => trusts[which] === 'new');
  const aborted = abortRotation(authority, which);
  if (aborted.kind === 'done') for (const { name } of trusting) say(`${name} trusts it`);
  if (aborted.kind === 'done') say(`${fingerprintOf(aborted.value)} is gone; take it out wherever it is trusted`);
  return aborted;
}
