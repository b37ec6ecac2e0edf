/**
 * What a host tells of itself when it asks whether its certificate is due: which CAs it trusts. That is how a rotation
 * knows whom it would lock out. The answer says which CAs it should trust, and is signed by the one that it knows.
 */
import { parseCertificate } from '../ssh/certificate.ts';
import type { PublicKey } from '../ssh/public-key.ts';
import { signMessage, verifyMessage } from '../ssh/sshsig.ts';
import type { Authority, Issuer } from './authority.ts';
import { exportedKeys } from './exported-keys.ts';
import { fingerprintOf } from './issue.ts';
import { nodeCrypto } from './node-crypto.ts';
import { presentOf } from './renewal.ts';
import { type CaResult, done, refused } from './result.ts';
import { trustedKeys } from './rotation.ts';

/** SSHSIG's namespaces: of what the host says, and of what the User CA answers. */
export const reportPurpose = 'host-report@trasa-agent';
export const answerPurpose = 'user-cas@trasa-agent';

export interface ReportText {
  /** The present certificate's blob. */
  readonly certificate: Buffer;
  /** What the CA asked to be signed, just now. */
  readonly challenge: string;
  /** Of the host's choice: an old answer is none to it. */
  readonly nonce: string;
  /** `SHA256:…` of the User CAs whose certificates let people in, and of the Host CAs that its ssh trusts. */
  readonly trusts: readonly string[];
}

export interface HostReport extends ReportText {
  /** By sshsig.ts, over {@link reportMessage}. */
  readonly signature: Buffer;
}

export interface ReportAnswer {
  readonly keyId: string;
  /** `SHA256:…` of the Host CA that signs. */
  readonly hostCa: string;
  /** As `ca export user` prints them; empty: there is no User CA. */
  readonly userCas: string;
  /** By the User CA that signs, over {@link answerMessage}; empty: there is none. */
  readonly signature: Buffer;
}

export function reportMessage({ challenge, certificate, nonce, trusts }: ReportText): Buffer {
  return Buffer.from(`${challenge}\n${certificate.toString('base64')}\n${nonce}\n${trusts.join(' ')}\n`);
}

export function answerMessage(nonce: string, userCas: string): Buffer {
  return Buffer.from(`${nonce}\n${userCas}`);
}

/** Did whoever has the certified key say this? Of the CA nothing is needed yet. */
export function isReportOfHost(report: HostReport): boolean {
  const read = parseCertificate(report.certificate);
  if (read.kind === 'malformed') return false;
  return verifyMessage(reportMessage(report), reportPurpose, read.value.key, report.signature, nodeCrypto);
}

/** Names of CAs, and not too many of them. */
export function areTrusts(trusts: readonly string[]): boolean {
  return trusts.length <= maxTrusts && trusts.every(one => /^SHA256:[A-Za-z0-9+/]{43}$/.test(one));
}

/** @param userIssuer of the User CA, if there is one */
export async function takeReport(
  authority: Authority,
  userIssuer: Issuer | undefined,
  report: HostReport,
  now: number,
): Promise<CaResult<ReportAnswer>> {
  if (!areTrusts(report.trusts) || !/^[!-~]{16,100}$/.test(report.nonce)) return refused('invalid request');
  if (!isReportOfHost(report)) return refused('the host did not sign what it was asked to');
  const present = presentOf(authority, report.certificate, now);
  if (present.kind !== 'done') return present;
  const { key, keyId } = present.value;
  const hostCa = authority.keys.host === undefined ? '' : fingerprintOf(authority.keys.host.publicKey);
  authority.issues.recordReport({ key: fingerprintOf(key), trusts: report.trusts, reportedAt: now });
  if (userIssuer === undefined) return done({ keyId, hostCa, userCas: '', signature: Buffer.alloc(0) });
  const trusted = trustedKeys(authority, 'user', now);
  if (trusted.kind !== 'done') return trusted;
  const userCas = exportedKeys(trusted.value, 'user');
  const signature = await signMessage(
    answerMessage(report.nonce, userCas),
    answerPurpose,
    userIssuer.signer,
    nodeCrypto,
  );
  return done({ keyId, hostCa, userCas, signature });
}

/** Is it the word of a CA that this host trusts already? Then those that it names may take its place. */
export function isVouchedFor(
  { userCas, signature }: Pick<ReportAnswer, 'userCas' | 'signature'>,
  nonce: string,
  trusted: readonly PublicKey[],
): boolean {
  const message = answerMessage(nonce, userCas);
  return trusted.some(key => verifyMessage(message, answerPurpose, key, signature, nodeCrypto));
}

const maxTrusts = 64;
