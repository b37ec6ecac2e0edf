/** CAs and certificates of our own making, for tests. */
import { generateKeyPairSync, hash, type KeyObject, randomBytes, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { nodeCrypto, publicKeyOf, signerOf } from '../../src/ca/node-crypto.ts';
import { flag, optionValue } from '../../src/ssh/cert-options.ts';
import { certTypeName } from '../../src/ssh/cert-type-name.ts';
import { type CertificateFields, encodeCertificate, encodeSigned, fieldProblem } from '../../src/ssh/certificate.ts';
import { checkCertificate, type Terms, type Verdict } from '../../src/ssh/check-certificate.ts';
import type { Digest } from '../../src/ssh/crypto.ts';
import { keyLine } from '../../src/ssh/key-line.ts';
import type { PublicKey } from '../../src/ssh/public-key.ts';
import type { CaSigner } from '../../src/ssh/sign-certificate.ts';
import { algorithmOf, digestOf, encodeSignature } from '../../src/ssh/signature.ts';
import type { SoftType } from './openssh.ts';

export function newPair(type: SoftType = 'ed25519'): { readonly privateKey: KeyObject; readonly key: PublicKey } {
  const { privateKey } = generate(type);
  return { privateKey, key: keyOf(privateKey) };
}

/** A CA that can also sign what no CA should. */
export interface TestCa extends CaSigner {
  /** In the plain form of SshCrypto.verify. */
  plain(digest: Digest | undefined, data: Buffer): Buffer;
}

export function newCa(type: SoftType = 'ed25519'): TestCa {
  const { privateKey } = newPair(type);
  const signer = signerOf(privateKey);
  if (signer === undefined) throw new Error('no signer');
  return { ...signer, plain: (digest, data) => sign(digest, data, { key: privateKey, dsaEncoding: 'ieee-p1363' }) };
}

export function keyOf(key: KeyObject): PublicKey {
  const found = publicKeyOf(key);
  if (found === undefined) throw new Error('no key of SSH');
  return found;
}

export function sha256(bytes: Buffer): string {
  return hash('sha256', bytes, 'base64');
}

/** Noon of a day in 2026, in ms; the certificates below are valid five minutes from then. */
export const noon = Date.UTC(2026, 5, 15, 12);
export const noonSeconds = BigInt(noon / 1000);

export const ordinary: Omit<CertificateFields, 'key'> = {
  type: 'user',
  serial: 7n,
  keyId: 'trasa:alice@example.com:web1:01J00000000000000000000000',
  principals: ['alice'],
  validAfter: noonSeconds,
  validBefore: noonSeconds + 300n,
  criticalOptions: new Map(),
  extensions: new Map([['permit-pty', flag]]),
};

export const allOptions = {
  criticalOptions: new Map([
    ['source-address', optionValue('10.0.0.0/8,2001:db8::/32')],
    ['verify-required', flag],
    ['force-command', optionValue('/usr/bin/id -un')],
  ]),
  extensions: new Map([
    ['permit-user-rc', flag],
    ['permit-pty', flag],
    ['permit-X11-forwarding', flag],
    ['permit-agent-forwarding', flag],
    ['permit-port-forwarding', flag],
    ['trasa-device-id@example.com', optionValue('0815')],
  ]),
};

export function certify(ca: TestCa, fields: Partial<CertificateFields> & Pick<CertificateFields, 'key'>): Buffer {
  const whole = { ...ordinary, ...fields };
  const problem = fieldProblem(whole);
  if (problem !== undefined) throw new Error(`it ${problem}`);
  const signed = encodeSigned(whole, randomBytes(32), ca.publicKey);
  const algorithm = algorithmOf(ca.publicKey.type) ?? 'ssh-ed25519';
  return encodeCertificate(signed, encodeSignature(algorithm, ca.plain(digestOf(algorithm), signed)));
}

export function writeCertificate(path: string, key: PublicKey, blob: Buffer): string {
  writeFileSync(path, `${keyLine(certTypeName(key.type), blob, 'ours')}\n`);
  return path;
}

export function judge(blob: Buffer, ca: PublicKey, terms: Partial<Terms> = {}): Verdict {
  const whole: Terms = {
    type: 'user',
    caKeys: [ca],
    now: noon,
    principal: 'alice',
    honours: [],
    revoked: [],
    ...terms,
  };
  return checkCertificate(blob, whole, nodeCrypto);
}

function generate(type: SoftType): { privateKey: KeyObject } {
  switch (type) {
    case 'ed25519':
      return generateKeyPairSync('ed25519');
    case 'ecdsa-256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'ecdsa-384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' });
    case 'ecdsa-521':
      return generateKeyPairSync('ec', { namedCurve: 'P-521' });
    case 'rsa-2048':
      return generateKeyPairSync('rsa', { modulusLength: 2048 });
  }
}
