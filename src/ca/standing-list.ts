/** Where rotations stand, as a table and as JSON. Key ids have no control characters: none such is issued. */
import type { CertType } from '../ssh/certificate.ts';
import type { Authority } from './authority.ts';
import { inColumns } from './columns.ts';
import { fingerprintOf } from './issue.ts';
import type { HostStanding, Trust } from './rotation-standing.ts';

const heading = ['HOST', 'CERTIFICATE BY', 'UNTIL (UTC)', 'ITS SSHD TRUSTS', 'ITS SSH TRUSTS', 'SEEN (UTC)'];

export function standingAsTable(authority: Authority, hosts: readonly HostStanding[], now: number): string[] {
  const rows = hosts.map(({ name, certificateBy, validBefore, trusts, seenAt }) => [
    name,
    `the ${certificateBy} CA`,
    minuteOf(Number(validBefore) * 1000),
    words[trusts.user],
    words[trusts.host],
    seenAt === undefined ? 'never' : minuteOf(seenAt),
  ]);
  const cas = (['user', 'host'] as const).map(type => caLine(authority, type, now));
  return [...cas, ...(rows.length === 0 ? ['no host has a certificate'] : inColumns([heading, ...rows]))];
}

export function standingAsJson(authority: Authority, hosts: readonly HostStanding[], now: number): string {
  const ca = (type: CertType): object => {
    const { signs, next, old } = namesOf(authority, type, now);
    return { signs: signs ?? null, next: next ?? null, old };
  };
  const list = hosts.map(({ validBefore, seenAt, ...rest }) => ({
    ...rest,
    validBefore: new Date(Number(validBefore) * 1000).toISOString(),
    seenAt: seenAt === undefined ? null : new Date(seenAt).toISOString(),
  }));
  return JSON.stringify({ user: ca('user'), host: ca('host'), hosts: list });
}

const words: Readonly<Record<Trust, string>> = {
  new: 'the new CA',
  old: 'an old CA only',
  none: 'none of them',
  unknown: 'unknown',
};

function caLine(authority: Authority, type: CertType, now: number): string {
  const { signs, next, old } = namesOf(authority, type, now);
  const left = old.map(name => `; ${name} is old, and has certificates left`).join('');
  if (signs === undefined) return `${type} CA: there is none`;
  return `${type} CA: ${signs} signs${next === undefined ? '' : `, ${next} is next`}${left}`;
}

interface CaNames {
  readonly signs: string | undefined;
  readonly next: string | undefined;
  /** Retired, with certificates that are not over. */
  readonly old: readonly string[];
}

function namesOf({ keys, nextKeys, issues }: Authority, type: CertType, now: number): CaNames {
  const signs = keys[type] && fingerprintOf(keys[type].publicKey);
  const next = nextKeys[type] && fingerprintOf(nextKeys[type].publicKey);
  const seconds = BigInt(Math.floor(now / 1000));
  const retired = issues.retired(type).map(fingerprintOf);
  return { signs, next, old: retired.filter(one => one !== signs && (issues.lastEndOf(one) ?? 0n) > seconds) };
}

function minuteOf(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').slice(0, 16);
}
