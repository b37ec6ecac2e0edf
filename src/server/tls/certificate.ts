import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { isIP } from 'node:net';
import {
  bitString,
  boolean,
  context,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  utf8String,
} from './der.ts';

export interface CertificateFacts {
  /** Host names and IP addresses, the first of which is the subject's name, too. At least one. */
  readonly hostnames: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Random, 16 bytes. */
  readonly serial: Buffer;
}

/**
 * A self-signed server certificate in PEM (RFC 5280), since Node can read certificates but not write them.
 *
 * Subset: an ECDSA P-256 key, signed with SHA-256; CA:FALSE, so that whoever puts it among their trusted certificates
 * trusts this one server and nothing it could sign.
 *
 * @param key the private key; its public half goes into the certificate
 */
export function selfSignedCertificate(key: KeyObject, facts: CertificateFacts): string {
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const [subject = 'localhost'] = facts.hostnames;
  const toBeSigned = sequence(
    context(0, integer(Buffer.of(2)), true), // version 3
    integer(positive(facts.serial)),
    ecdsaWithSha256,
    commonName(subject), // issuer
    sequence(time(facts.notBefore), time(facts.notAfter)),
    commonName(subject),
    publicKey,
    context(3, extensions(publicKey, facts.hostnames), true),
  );
  const signature = sign('sha256', toBeSigned, { key, dsaEncoding: 'der' });
  return pem(sequence(toBeSigned, ecdsaWithSha256, bitString(signature)));
}

const ecdsaWithSha256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));

function commonName(name: string): Buffer {
  // RFC 5280 appendix A: ub-common-name is 64 characters.
  return sequence(set(sequence(objectIdentifier('2.5.4.3'), utf8String(name.slice(0, 64)))));
}

/** RFC 5280 §4.1.2.2: positive, at most 20 octets. */
function positive(serial: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0x01), serial]);
}

function extensions(publicKey: Buffer, hostnames: readonly string[]): Buffer {
  const keyIdentifier = createHash('sha256').update(publicKey).digest().subarray(0, 20); // RFC 7093 §2, method 4
  return sequence(
    extension('2.5.29.19', true, sequence()), // basic constraints: CA:FALSE is the default, and left out
    extension('2.5.29.15', true, bitString(Buffer.of(0x80), 7)), // key usage: digital signature
    extension('2.5.29.37', false, sequence(objectIdentifier('1.3.6.1.5.5.7.3.1'))), // extended: server authentication
    extension('2.5.29.17', false, sequence(...hostnames.map(generalName))), // subject alternative names
    extension('2.5.29.14', false, octetString(keyIdentifier)), // subject key identifier
  );
}

function extension(identifier: string, critical: boolean, value: Buffer): Buffer {
  const flag = critical ? [boolean(true)] : [];
  return sequence(objectIdentifier(identifier), ...flag, octetString(value));
}

function generalName(name: string): Buffer {
  const version = isIP(name);
  if (version === 0) return context(2, Buffer.from(name, 'ascii'), false); // dNSName
  return context(7, version === 4 ? Buffer.from(name.split('.').map(Number)) : ipv6Bytes(name), false); // iPAddress
}

function ipv6Bytes(address: string): Buffer {
  // The URL parser writes any spelling in hextets, with at most one `::`.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const left = head.split(':').filter(Boolean);
  const right = (tail ?? '').split(':').filter(Boolean);
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return Buffer.from([...left, ...zeros, ...right].map(group => group.padStart(4, '0')).join(''), 'hex');
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
