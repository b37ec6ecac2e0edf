/** The first factor by a key: a registered one, or one that a CA of ours has certified for a person. */
import { hash } from 'node:crypto';
import { nodeCrypto } from '../../ca/node-crypto.ts';
import { parseCertificate } from '../../ssh/certificate.ts';
import { checkCertificate } from '../../ssh/check-certificate.ts';
import { fingerprint } from '../../ssh/fingerprint.ts';
import { isRevoked, type Krl } from '../../ssh/krl.ts';
import { type PublicKey, parsePublicKey } from '../../ssh/public-key.ts';
import { isSecurityKey, type Presence, verifyBySecurityKey } from '../../ssh/security-key.ts';
import { verifySignature } from '../../ssh/signature.ts';
import { WireReader } from '../../ssh/wire.ts';
import { plainAlgorithm } from '../engine/algorithms.ts';
import type { KeyOffer } from '../messages/userauth.ts';

export interface KeyRules {
  /** `SHA256:…` → TRASA ID. */
  readonly keys: ReadonlyMap<string, string>;
  /** The User CA, and System CAs, which do nothing else. */
  readonly personCAs: readonly PublicKey[];
  readonly revoked: readonly Krl[];
  readonly now: number;
  readonly clientAddress: string;
}

export interface KeyOwner {
  readonly person: string;
  readonly fingerprint: string;
  readonly by: 'public key' | 'certificate';
  readonly key: PublicKey;
  /** What the person has to do with a security key for the signature to count. */
  readonly presence: Presence;
}

/** Whose key it is, if the client has it; that is for {@link isProven} to say. A string says why it is nobody's. */
export function ownerOf({ algorithm, blob }: KeyOffer, rules: KeyRules): KeyOwner | string {
  const type = new WireReader(blob).string().toString('latin1');
  const isCertificate = type !== plainAlgorithm(type);
  if (isCertificate !== (algorithm !== plainAlgorithm(algorithm))) return 'the algorithm is not of the key';
  return isCertificate ? ownerOfCertificate(blob, rules) : ownerOfKey(blob, rules);
}

/**
 * Does this very request prove that the client has the key? The signature is over the session and the request as it came
 * (RFC 4252 §7), by the algorithm that it names: never SHA-1.
 */
export function isProven({ algorithm, proof }: KeyOffer, { key, presence }: KeyOwner): boolean {
  if (proof === undefined) return false;
  const { signature, signed } = proof;
  const signedBy = new WireReader(signature).string().toString('latin1');
  if (signedBy !== plainAlgorithm(algorithm)) return false;
  if (isSecurityKey(key)) return verifyBySecurityKey(key, signed, signature, presence, nodeCrypto);
  // No other key can say that the person was verified.
  return !presence.verified && verifySignature(key, signed, signature, nodeCrypto);
}

function ownerOfKey(blob: Buffer, { keys, revoked }: KeyRules): KeyOwner | string {
  const key = parsePublicKey(blob);
  if (key.kind === 'malformed') return `the key ${key.text}`;
  if (revoked.some(krl => isRevoked(krl, key.value, nodeCrypto))) return 'the key is revoked';
  const print = fingerprintOf(key.value);
  const person = keys.get(print);
  return person === undefined
    ? 'the key is not registered'
    : { person, fingerprint: print, by: 'public key', key: key.value, presence: { touch: true, verified: false } };
}

/**
 * A person's certificate has one principal, their email address: those for accounts on hosts, which the User CA signs,
 * have another kind of name in it and say nothing about a person.
 */
function ownerOfCertificate(blob: Buffer, { personCAs, revoked, now, clientAddress }: KeyRules): KeyOwner | string {
  const read = parseCertificate(blob);
  if (read.kind === 'malformed') return `the certificate ${read.text}`;
  const { key, principals } = read.value;
  const [person, ...others] = principals;
  if (person === undefined || others.length > 0 || !/^[^@]+@[^@]+$/.test(person))
    return 'the certificate is not that of one person, by their email address';
  const terms = {
    type: 'user',
    caKeys: personCAs,
    now,
    principal: person,
    address: clientAddress,
    honours: ['verify-required'],
    revoked,
  } as const;
  const verdict = checkCertificate(blob, terms, nodeCrypto);
  if (verdict.kind === 'invalid') return verdict.text;
  const presence = {
    touch: !verdict.certificate.extensions.has('no-touch-required'),
    verified: verdict.verifyRequired,
  };
  return { person, fingerprint: fingerprintOf(key), by: 'certificate', key, presence };
}

function fingerprintOf(key: PublicKey): string {
  return fingerprint(key, bytes => hash('sha256', bytes, 'base64'));
}
