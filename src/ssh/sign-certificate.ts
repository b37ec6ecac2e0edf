import { type CertificateFields, encodeCertificate, encodeSigned, fieldProblem } from './certificate.ts';
import type { SshCrypto } from './crypto.ts';
import { malformed, type Parsed, parsed } from './parsed.ts';
import type { PublicKey } from './public-key.ts';
import { algorithmOf, verifySignature } from './signature.ts';

/** A CA's private key, wherever it is kept. */
export interface CaSigner {
  readonly publicKey: PublicKey;
  /** A signature as SSH carries it. Rejects if there is none to be had. */
  sign(data: Buffer): Promise<Buffer>;
}

/**
 * The blob of a certificate for these fields. What the signer gives is believed only if it verifies.
 *
 * @param nonce 32 random bytes
 */
export async function signCertificate(
  fields: CertificateFields,
  nonce: Buffer,
  ca: CaSigner,
  crypto: SshCrypto,
): Promise<Parsed<Buffer>> {
  const problem = fieldProblem(fields);
  if (problem !== undefined) return malformed(problem);
  if (algorithmOf(ca.publicKey.type) === undefined)
    return malformed(`is signed by a ${ca.publicKey.type} key, which can be no CA`);
  const signed = encodeSigned(fields, nonce, ca.publicKey);
  const signature = await ca.sign(signed);
  return verifySignature(ca.publicKey, signed, signature, crypto)
    ? parsed(encodeCertificate(signed, signature))
    : malformed("has a signature that is not its CA's");
}
