import { generateURI, generateSecret as randomBase32 } from 'otplib';
import { Secret } from './secret.ts';
import type { TotpParameters } from './totp.ts';

/** A new key K: random, base32 without padding. RFC 4226 R6 recommends 160 bits. */
export function generateSecret(bytes = 20): Secret {
  if (bytes < 16) throw new RangeError('a key has at least 16 bytes (RFC 4226 R6)');
  return new Secret(randomBase32({ length: bytes }));
}

/**
 * The `otpauth://totp/` URI that authenticator apps read from a QR code (Key Uri Format of Google Authenticator).
 * It contains the secret, and so is one.
 */
export function keyUri(credential: TotpParameters & { readonly issuer: string; readonly label: string }): Secret {
  return new Secret(
    generateURI({
      strategy: 'totp',
      issuer: credential.issuer,
      label: credential.label,
      secret: credential.secret.expose(),
      algorithm: credential.algorithm,
      digits: credential.digits,
      period: credential.periodSeconds,
    }),
  );
}
