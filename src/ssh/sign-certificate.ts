import { type CertificateFields, encodeCertificate, encodeSigned, fieldProblem } from './certificate.ts';
import type { Digest } from './crypto.ts';
import { malformed, type Parsed, parsed } from './parsed.ts';
import type { PublicKey } from './public-key.ts';
import { algorithmOf, digestOf, encodeSignature } from './signature.ts';

/** A CA's private key, wherever it is kept. */
export interface CaSigner {
  readonly publicKey: PublicKey;
  /** A signature in the plain form that SshCrypto.verify knows. */
  sign(digest: Digest | undefined, data: Buffer): Buffer;
}

/**
 * The blob of a certificate for these fields.
 *
 * @param nonce 32 random bytes
 */
export function signCertificate(fields: CertificateFields, nonce: Buffer, ca: CaSigner): Parsed<Buffer> {
  const problem = fieldProblem(fields);
  if (problem !== undefined) return malformed(problem);
  const algorithm = algorithmOf(ca.publicKey.type);
  if (algorithm === undefined) return malformed(`is signed by a ${ca.publicKey.type} key, which can be no CA`);
  const signed = encodeSigned(fields, nonce, ca.publicKey);
  return parsed(encodeCertificate(signed, encodeSignature(algorithm, ca.sign(digestOf(algorithm), signed))));
}
