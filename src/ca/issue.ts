import { hash, randomBytes } from 'node:crypto';
import { certTypeName } from '../ssh/cert-type-name.ts';
import type { CertificateFields } from '../ssh/certificate.ts';
import { fingerprint } from '../ssh/fingerprint.ts';
import { keyLine } from '../ssh/key-line.ts';
import type { PublicKey } from '../ssh/public-key.ts';
import { signCertificate } from '../ssh/sign-certificate.ts';
import type { Issuer } from './authority.ts';
import { keyObjectOf, nodeCrypto } from './node-crypto.ts';
import { type CaResult, done, refused, tryingTo } from './result.ts';

export interface Issued {
  readonly serial: bigint;
  /** The certificate's blob. */
  readonly certificate: Buffer;
}

export type Request = Omit<CertificateFields, 'serial' | 'validAfter' | 'validBefore'> & {
  readonly forSeconds: number;
};

/** Clocks differ: a certificate is good from a minute before it was issued. */
export const backdateSeconds = 60;

/**
 * Signs and records. The record is there before anybody has the certificate.
 *
 * @param now milliseconds since 1970
 */
export async function issue(issuer: Issuer, request: Request, now: number): Promise<CaResult<Issued>> {
  const { forSeconds, ...fields } = request;
  if (!Number.isSafeInteger(forSeconds) || forSeconds < 1)
    return refused('a certificate is valid for a second at least');
  if (fields.principals.length === 0) return refused('a certificate without principals is good for nobody');
  if (keyObjectOf(fields.key) === undefined) return refused('the key is none: its point is not on its curve');
  if (fields.keyId === '') return refused("a certificate without a key id is nobody's in the log");
  // The disk may be full, or the signer away: no record, no certificate.
  return await tryingTo('no certificate', async () => await signAndRecord(issuer, request, now));
}

async function signAndRecord({ signer, issues }: Issuer, request: Request, now: number): Promise<CaResult<Issued>> {
  const { forSeconds, ...fields } = request;
  const nowSeconds = Math.floor(now / 1000);
  const validAfter = BigInt(nowSeconds - backdateSeconds);
  const validBefore = BigInt(nowSeconds + forSeconds);
  const serial = issues.takeSerial();
  const whole = { ...fields, serial, validAfter, validBefore };
  const certificate = await signCertificate(whole, randomBytes(32), signer, nodeCrypto);
  if (certificate.kind === 'malformed') return refused(`a certificate that ${certificate.text} is not issued`);
  const { type, keyId, principals } = fields;
  const keys = { key: fingerprintOf(fields.key), ca: fingerprintOf(signer.publicKey) };
  issues.record({ serial, type, keyId, principals, validAfter, validBefore, ...keys, issuedAt: now });
  return done({ serial, certificate: certificate.value });
}

/** As it stands in a file `…-cert.pub`. */
export function certificateLine(key: PublicKey, certificate: Buffer, comment: string): string {
  return `${keyLine(certTypeName(key.type), certificate, comment)}\n`;
}

export function fingerprintOf(key: PublicKey): string {
  return fingerprint(key, bytes => hash('sha256', bytes, 'base64'));
}
