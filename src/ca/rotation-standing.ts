/** Where a rotation stands: which hosts still miss the new CA. */
import type { CertType } from '../ssh/certificate.ts';
import type { Authority } from './authority.ts';
import { fingerprintOf } from './issue.ts';
import type { Issue, Revocation } from './issue-rows.ts';
import { allKeysOf } from './rotation.ts';

/**
 * Of the CAs of one type a host trusts the `new` one (which will sign, or does since a rotation), only an `old` one, or
 * `none` of them; `unknown`: it has never said.
 */
export type Trust = 'new' | 'old' | 'none' | 'unknown';

export interface HostStanding {
  /** The first one in its certificate. */
  readonly name: string;
  readonly keyId: string;
  readonly certificateBy: 'new' | 'old';
  /** Seconds since 1970. */
  readonly validBefore: bigint;
  readonly trusts: Readonly<Record<CertType, Trust>>;
  /** When it said so, in milliseconds since 1970. */
  readonly seenAt: number | undefined;
}

/** The hosts that have a certificate, one for each of their keys, by name. */
export function hostStandings(authority: Authority, now: number): HostStanding[] {
  const { issues, keys } = authority;
  const revocations = issues.revocations();
  const reports = new Map(issues.reports().map(report => [report.key, report]));
  const signs = keys.host === undefined ? '' : fingerprintOf(keys.host.publicKey);
  return lastOfEachKey(issues.hostCertificates(BigInt(Math.floor(now / 1000))))
    .filter(one => !isRevoked(one, revocations))
    .map((one): HostStanding => {
      const report = reports.get(one.key);
      const trust = (type: CertType): Trust => trustOf(authority, type, report?.trusts);
      return {
        name: one.principals[0] ?? one.keyId,
        keyId: one.keyId,
        certificateBy: one.ca === signs ? 'new' : 'old',
        validBefore: one.validBefore,
        trusts: { user: trust('user'), host: trust('host') },
        seenAt: report?.reportedAt,
      };
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Whom it would hurt if the next CA signed from now on. A host that has never said what it trusts may trust the User CA;
 * whether its ssh trusts the Host CA, as a client, is its own affair until it says so.
 */
export function missingHosts(authority: Authority, type: CertType, now: number): HostStanding[] {
  const hurts: readonly Trust[] = type === 'user' ? ['old', 'unknown'] : ['old'];
  return hostStandings(authority, now).filter(({ trusts }) => hurts.includes(trusts[type]));
}

/** The last certificate of each key. */
export function lastOfEachKey(issued: readonly Issue[]): Issue[] {
  const last = new Map<string, Issue>();
  for (const one of issued) {
    const known = last.get(one.key);
    if (known === undefined || one.validBefore > known.validBefore) last.set(one.key, one);
  }
  return [...last.values()];
}

function trustOf(authority: Authority, type: CertType, trusts: readonly string[] | undefined): Trust {
  if (trusts === undefined) return 'unknown';
  const newest = authority.nextKeys[type] ?? authority.keys[type];
  if (newest !== undefined && trusts.includes(fingerprintOf(newest.publicKey))) return 'new';
  return allKeysOf(authority, type).some(key => trusts.includes(fingerprintOf(key))) ? 'old' : 'none';
}

function isRevoked({ serial, keyId, key, ca }: Issue, revocations: readonly Revocation[]): boolean {
  return revocations.some(one => {
    switch (one.kind) {
      case 'serial':
        return one.serial === serial && one.ca === ca;
      case 'key-id':
        return one.keyId === keyId;
      case 'key':
        return one.key === key;
    }
  });
}
