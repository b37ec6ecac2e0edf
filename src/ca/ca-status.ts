/** What of a CA an administrator should know without asking: rotations, and what ends. */
import { type Authority, openAuthority } from './authority.ts';
import { unsafeDirectory } from './directory.ts';
import { type Ending, endings } from './endings.ts';
import { fingerprintOf } from './issue.ts';
import { type LockedKey, madeAt } from './key-file.ts';
import { missingHosts } from './rotation-standing.ts';

export interface CaStatus {
  readonly isWell: boolean;
  readonly lines: readonly string[];
}

export function caStatus(directory: string, now: number): CaStatus {
  const opened = openAuthority(directory);
  if (opened.kind !== 'done') {
    // Somebody else's is not opened: the database would have files of ours beside it.
    const isOthers = unsafeDirectory(directory)?.includes('belongs to another user') === true;
    return { isWell: isOthers, lines: [opened.text] };
  }
  try {
    const ending = endings(retiredOf(opened.value), opened.value.issues.hostCertificates(monthAgo(now)), now);
    const shown = ending.filter(({ what, standing }) => what === 'retired-ca' || standing !== 'fine');
    return {
      isWell: !ending.some(({ what, standing }) => what === 'host-certificate' && standing === 'ended'),
      lines: [...signingLines(opened.value, now), ...shown.map(one => lineOf(one, directory))],
    };
  } finally {
    opened.value.close();
  }
}

/** A key has no end of its own; nobody should forget that it is there. */
const oldYears = 5;
const dayMs = 86_400_000;

export function isOldKey(key: LockedKey, now: number): boolean {
  return now - madeAt(key) > oldYears * 365 * dayMs;
}

function signingLines(authority: Authority, now: number): string[] {
  return (['user', 'host'] as const).flatMap(type => {
    const key = authority.keys[type];
    if (key === undefined) return [];
    const old = isOldKey(key, now) ? `, which is more than ${oldYears} years ago: rotate it` : '';
    const made = new Date(madeAt(key)).toISOString().slice(0, 10);
    const line = `${type} CA ${fingerprintOf(key.publicKey)} signs since ${made}${old}`;
    const next = authority.nextKeys[type];
    if (next === undefined) return [line];
    const missing = missingHosts(authority, type, now).map(({ name }) => name);
    const who =
      missing.length === 0 ? 'no host that is known misses it' : `missed, or may be, by ${missing.join(', ')}`;
    return [line, `${type} CA ${fingerprintOf(next.publicKey)} is next: ${who}`];
  });
}

function retiredOf({ issues, keys }: Authority): Parameters<typeof endings>[0] {
  return (['user', 'host'] as const).flatMap(type =>
    issues
      .retired(type)
      .map(fingerprintOf)
      .filter(fingerprint => keys[type] === undefined || fingerprint !== fingerprintOf(keys[type].publicKey))
      .map(fingerprint => ({ type, fingerprint, trustedUntil: issues.lastEndOf(fingerprint) ?? 0n })),
  );
}

function lineOf({ what, name, standing, daysLeft }: Ending, directory: string): string {
  if (what === 'host-certificate')
    return standing === 'ended'
      ? `the certificate of host ${name} has ended (trasa-agent ca host-cert --ca ${directory})`
      : `the certificate of host ${name} ends in ${daysLeft} days, and is to be renewed`;
  return standing === 'ended'
    ? `${name} is retired, and nothing that it signed is left: no host need trust it`
    : `${name} is retired, and has to be trusted for ${daysLeft + 1} more days`;
}

function monthAgo(now: number): bigint {
  return BigInt(Math.floor((now - 31 * dayMs) / 1000));
}
