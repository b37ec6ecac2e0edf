import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

/** TRASA's push signature: RSA PKCS #1 v1.5 over SHA-512 (RFC 8017 §8.2), in base64. */
export function signText(text: string, privateKey: KeyObject): string {
  return sign('sha512', Buffer.from(text), privateKey).toString('base64');
}

/**
 * False for a wrong signature, and for one that is not canonical base64.
 * @param publicKey PEM, `RSA PUBLIC KEY`; it was checked when the device was enrolled
 */
export function isSignedBy(publicKey: string, text: string, signature: string): boolean {
  const bytes = Buffer.from(signature, 'base64');
  if (bytes.toString('base64') !== signature) return false;
  return verify('sha512', Buffer.from(text), createPublicKey(publicKey), bytes);
}
