/**
 * OpenSSH certificates (draft-miller-ssh-cert, formerly PROTOCOL.certkeys): encoded, parsed and signed. What is parsed
 * here is well formed and nothing more; whether it counts is said by check-certificate.ts alone.
 */

import { type CertOptions, encodeOptions, isOptionName, parseOptions } from './cert-options.ts';
import { certifiedType, certTypeName } from './cert-type-name.ts';
import { malformed, type Parsed, parsed } from './parsed.ts';
import {
  encodeKeyParts,
  encodePublicKey,
  keyProblem,
  type PublicKey,
  parsePublicKey,
  readKeyParts,
} from './public-key.ts';
import { maxUint64, string, uint32, uint64, WireReader } from './wire.ts';

export type CertType = 'user' | 'host';

export interface CertificateFields {
  /** The key that is certified. */
  readonly key: PublicKey;
  readonly type: CertType;
  /** A uint64. 0 means that the CA does not number its certificates: such a one cannot be revoked by serial. */
  readonly serial: bigint;
  /** Free text, for logs and revocation. */
  readonly keyId: string;
  /** Accounts or host names. */
  readonly principals: readonly string[];
  /** Seconds since 1970; good from `validAfter` until just before `validBefore`. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly criticalOptions: CertOptions;
  readonly extensions: CertOptions;
}

export interface Certificate extends CertificateFields {
  readonly nonce: Buffer;
  readonly caKey: PublicKey;
  /** All that the signature is over. */
  readonly signed: Buffer;
  readonly signature: Buffer;
}

export const always = { validAfter: 0n, validBefore: maxUint64 } as const;

/**
 * What a CA signs. The fields must have no problem (see {@link fieldProblem}); `nonce` is random, 32 bytes as OpenSSH
 * has them, so that nobody can prepare two bodies with one hash.
 */
export function encodeSigned(fields: CertificateFields, nonce: Buffer, caKey: PublicKey): Buffer {
  return Buffer.concat([
    string(certTypeName(fields.key.type)),
    string(nonce),
    encodeKeyParts(fields.key),
    uint64(fields.serial),
    uint32(typeNumbers[fields.type]),
    string(fields.keyId),
    string(Buffer.concat(fields.principals.map(string))),
    uint64(fields.validAfter),
    uint64(fields.validBefore),
    string(encodeOptions(fields.criticalOptions)),
    string(encodeOptions(fields.extensions)),
    string(''), // reserved
    string(encodePublicKey(caKey)),
  ]);
}

/** @param signature by signature.ts, over `signed` */
export function encodeCertificate(signed: Buffer, signature: Buffer): Buffer {
  return Buffer.concat([signed, string(signature)]);
}

export function parseCertificate(blob: Buffer): Parsed<Certificate> {
  if (blob.length > maxBytes) return malformed(`is larger than ${maxBytes} bytes`);
  const reader = new WireReader(blob);
  const name = reader.string().toString('latin1');
  const keyType = certifiedType(name);
  if (keyType === undefined) return malformed(`is no certificate of a type that is known (${name.slice(0, 64)})`);

  const nonce = reader.string();
  const key = readKeyParts(keyType, reader);
  const serial = reader.uint64();
  const type = typeOf(reader.uint32());
  const keyId = reader.text();
  const principals = readPrincipals(reader.string());
  const [validAfter, validBefore] = [reader.uint64(), reader.uint64()];
  const criticalOptions = parseOptions(reader.string());
  const extensions = parseOptions(reader.string());
  reader.string(); // reserved: "currently unused and MUST be ignored"
  const caBlob = reader.string();
  const signed = reader.consumed;
  const signature = reader.string();
  if (!reader.isWhole) return malformed('is not a whole certificate');

  if (type === undefined) return malformed('is for neither a user nor a host');
  if (principals === undefined) return malformed('has principals that are not text');
  if (criticalOptions === undefined) return malformed('has critical options that are damaged, or not in order');
  if (extensions === undefined) return malformed('has extensions that are damaged, or not in order');
  const fields = { key, type, serial, keyId, principals, validAfter, validBefore, criticalOptions, extensions };
  const problem = fieldProblem(fields);
  if (problem !== undefined) return malformed(problem);
  if (certifiedType(new WireReader(caBlob).string().toString('latin1')) !== undefined)
    return malformed('is signed by a certificate; only a plain key can be a CA');
  const caKey = parsePublicKey(caBlob);
  if (caKey.kind === 'malformed') return malformed(`has a signature key that ${caKey.text}`);
  return parsed({ ...fields, nonce, caKey: caKey.value, signed, signature });
}

/** What keeps these fields from being a certificate's: the same for those that we make and those that we read. */
export function fieldProblem(fields: CertificateFields): string | undefined {
  const { key, serial, keyId, principals, validAfter, validBefore } = fields;
  const problem = keyProblem(key);
  if (problem !== undefined) return `certifies a key that ${problem}`;
  if (!isUint64(serial)) return 'has a serial number that is none';
  if (!isKeyId(keyId)) return 'has a key id that is too long, or has control characters in it';
  if (principals.length > maxPrincipals) return `has more than ${maxPrincipals} principals`;
  const bad = principals.find(principal => !isPrincipal(principal));
  if (bad !== undefined) return `has a principal that is none: ${JSON.stringify(bad.slice(0, 64))}`;
  if (!isUint64(validAfter) || !isUint64(validBefore) || validAfter >= validBefore) return 'is never valid';
  const names = [...fields.criticalOptions.keys(), ...fields.extensions.keys()];
  return names.every(isOptionName) ? undefined : 'has an option whose name is none';
}

/**
 * A name that cannot be taken for two, or for another: not empty, no comma (sshd joins and splits principals at
 * commas, CVE-2026-35414), no control characters.
 */
export function isPrincipal(name: string): boolean {
  return name !== '' && !name.includes(',') && isPlain(name, maxPrincipalLength);
}

/** It may be empty. */
export function isKeyId(text: string): boolean {
  return isPlain(text, maxKeyIdLength);
}

const typeNumbers: Readonly<Record<CertType, number>> = { user: 1, host: 2 };
/** OpenSSH's own limit (SSHKEY_CERT_MAX_PRINCIPALS). */
const maxPrincipals = 256;
const maxPrincipalLength = 256;
const maxKeyIdLength = 1024;
/** Three times the largest that makes sense: RSA of 16384 bits, signed by the same. */
const maxBytes = 32_768;

function typeOf(number: number): CertType | undefined {
  return (['user', 'host'] as const).find(type => typeNumbers[type] === number);
}

function readPrincipals(bytes: Buffer): string[] | undefined {
  const reader = new WireReader(bytes);
  const principals: string[] = [];
  while (reader.hasMore) principals.push(reader.text());
  return reader.isWhole ? principals : undefined;
}

function isUint64(number: bigint): boolean {
  return number >= 0n && number <= maxUint64;
}

/** Well-formed text of one line, in which nothing is invisible or turns the writing round. */
function isPlain(text: string, maxLength: number): boolean {
  return text.length <= maxLength && text.isWellFormed() && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text);
}
