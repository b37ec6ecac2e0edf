import { createHash, type X509Certificate } from 'node:crypto';

/** `sha256//` and the base64 of the SHA-256 of the certificate's SubjectPublicKeyInfo: curl's --pinnedpubkey. */
export function pinOf(certificate: X509Certificate): string {
  const publicKey = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return `sha256//${createHash('sha256').update(publicKey).digest('base64')}`;
}
