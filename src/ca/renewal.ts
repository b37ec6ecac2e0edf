/**
 * A host gets its next certificate by its present one: it signs what the CA asks it to with the certified key. Whoever
 * has that key can do so for ever; to put a host out, revoke its key, or its key id, not one serial.
 */
import type { Certificate } from '../ssh/certificate.ts';
import { parseCertificate } from '../ssh/certificate.ts';
import { checkCertificate } from '../ssh/check-certificate.ts';
import { encodePublicKey } from '../ssh/public-key.ts';
import { verifyMessage } from '../ssh/sshsig.ts';
import type { Authority, Issuer } from './authority.ts';
import { signHostKey } from './host-certificate.ts';
import { backdateSeconds, type Issued } from './issue.ts';
import { nodeCrypto } from './node-crypto.ts';
import { type CaResult, done, refused } from './result.ts';
import { krlOf } from './revocation.ts';
import { trustedKeys } from './rotation.ts';

/** SSHSIG's namespace: such a signature is good for nothing else. */
export const renewalPurpose = 'host-renewal@trasa-agent';

export interface Renewal {
  /** The present certificate's blob. */
  readonly certificate: Buffer;
  /** What the CA asked to be signed, just now. */
  readonly challenge: string;
  /** By sshsig.ts, over {@link renewalMessage}. */
  readonly signature: Buffer;
}

export interface Renewed extends Issued {
  readonly keyId: string;
  readonly certified: Certificate['key'];
}

export function renewalMessage({ challenge, certificate }: Omit<Renewal, 'signature'>): Buffer {
  return Buffer.from(`${challenge}\n${certificate.toString('base64')}\n`);
}

/** Did whoever has the certified key sign this? Of the CA nothing is needed yet. */
export function isSignedByHost(renewal: Renewal): boolean {
  const read = parseCertificate(renewal.certificate);
  if (read.kind === 'malformed') return false;
  return verifyMessage(renewalMessage(renewal), renewalPurpose, read.value.key, renewal.signature, nodeCrypto);
}

/** The same key, names, key id and length of time as before, if the present certificate counts. */
export async function renewHostCertificate(
  authority: Authority,
  issuer: Issuer,
  renewal: Renewal,
  now: number,
): Promise<CaResult<Renewed>> {
  if (!isSignedByHost(renewal)) return refused('the host did not sign what it was asked to');
  const present = presentOf(authority, renewal.certificate, now);
  if (present.kind !== 'done') return present;
  const { key, keyId, principals, validAfter, validBefore } = present.value;
  const wholeSeconds = Number(validBefore - validAfter) - backdateSeconds;
  const isOfThisCa = encodePublicKey(present.value.caKey).equals(encodePublicKey(issuer.signer.publicKey));
  if (isOfThisCa && Number(validBefore) - now / 1000 > (wholeSeconds * 2) / 3)
    return refused('it is too early: more than two thirds of its time are left');
  const issued = await signHostKey(issuer, key, principals, Math.max(1, wholeSeconds), now, keyId);
  return issued.kind === 'done' ? done({ ...issued.value, keyId, certified: key }) : issued;
}

/** The certificate, if it counts now. */
export function presentOf(authority: Authority, blob: Buffer, now: number): CaResult<Certificate> {
  const caKeys = trustedKeys(authority, 'host', now);
  if (caKeys.kind !== 'done') return caKeys;
  const read = parseCertificate(blob);
  const [principal = ''] = read.kind === 'parsed' ? read.value.principals : [];
  const terms = {
    type: 'host',
    caKeys: caKeys.value,
    now,
    principal,
    honours: [],
    revoked: [krlOf(authority, now)],
  } as const;
  const verdict = checkCertificate(blob, terms, nodeCrypto);
  return verdict.kind === 'valid' ? done(verdict.certificate) : refused(verdict.text);
}
