import type { CertType } from '../ssh/certificate.ts';
import { type TimeLeft, timeLeft } from '../ssh/time-left.ts';
import type { Issue } from './issue-rows.ts';
import { lastOfEachKey } from './rotation-standing.ts';

/** A CA, as far as time matters. */
export interface CaTime {
  readonly type: CertType;
  /** `SHA256:…` */
  readonly fingerprint: string;
  /** Of one that signs no more: seconds since 1970 when its last certificate ends. Undefined: it signs, and has no end. */
  readonly trustedUntil: bigint | undefined;
}

export interface Ending extends TimeLeft {
  readonly what: 'ca' | 'retired-ca' | 'host-certificate';
  /** The fingerprint of a CA, the key id of a certificate. */
  readonly name: string;
  /** Of a certificate. */
  readonly serial?: bigint;
}

/**
 * What of a CA ends, and when: first what ends first. Of the certificates of one host key the last one counts, and those
 * that ended longer ago than a month are of hosts that are gone.
 *
 * A retired CA is `ended` when clients and hosts need not trust it any more: write what they trust once more then.
 */
export function endings(cas: readonly CaTime[], issued: readonly Issue[], now: number): Ending[] {
  const ofCas = cas.map(({ type, fingerprint, trustedUntil }): Ending => {
    const name = `${type} CA ${fingerprint}`;
    if (trustedUntil === undefined) return { what: 'ca', name, standing: 'fine', daysLeft: Number.POSITIVE_INFINITY };
    const { daysLeft, standing } = timeLeft({ validAfter: 0n, validBefore: trustedUntil }, now);
    return { what: 'retired-ca', name, daysLeft, standing: standing === 'ended' ? 'ended' : 'fine' };
  });
  const ofHosts = lastOfEachKey(issued.filter(({ type }) => type === 'host'))
    .map(one => ({ what: 'host-certificate', name: one.keyId, serial: one.serial, ...timeLeft(one, now) }) as const)
    .filter(({ daysLeft }) => daysLeft >= -goneDays);
  return [...ofCas, ...ofHosts].toSorted((a, b) => (a.daysLeft === b.daysLeft ? 0 : a.daysLeft - b.daysLeft));
}

const goneDays = 30;
