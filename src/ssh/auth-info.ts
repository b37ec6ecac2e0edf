/**
 * What sshd says of the methods that a login has passed: one line each, `publickey ssh-ed25519 AAAA…`, `password`,
 * `keyboard-interactive/pam` (auth.c, auth2_update_session_info). It stands in SSH_AUTH_INFO_0 for PAM, and in the file
 * of `ExposeAuthInfo` for the session.
 */
import { certifiedType } from './cert-type-name.ts';
import { fingerprintOfBlob, type Sha256 } from './fingerprint.ts';
import { encodePublicKey, readKeyParts } from './public-key.ts';
import { WireReader } from './wire.ts';

/** The first method that was passed; undefined if the text names none. */
export function firstMethod(text: string): string | undefined {
  return /^[a-z][a-z-]*/.exec(text)?.[0];
}

/** The fingerprint (`SHA256:…`, as `ssh-keygen -l` prints it) of the first public key in the text of such a file. */
export function verifiedKeyFingerprint(text: string, sha256: Sha256): string | undefined {
  for (const line of text.split('\n')) {
    const [, type, base64] = /^publickey ([!-~]{1,64}) ([A-Za-z0-9+/]+={0,2})(?: .*)?$/.exec(line) ?? [];
    if (type === undefined || base64 === undefined) continue;
    const key = plainKey(type, Buffer.from(base64, 'base64'));
    if (key !== undefined) return fingerprintOfBlob(key, sha256);
  }
  return undefined;
}

/** The key itself: a certificate is reduced to the key that it certifies, as OpenSSH's fingerprints do (sshkey.c). */
function plainKey(type: string, blob: Buffer): Buffer | undefined {
  const reader = new WireReader(blob);
  if (reader.string().toString('latin1') !== type) return undefined;
  if (!type.includes('-cert-')) return blob;
  const plainType = certifiedType(type);
  if (plainType === undefined) return undefined;
  reader.string(); // the nonce
  const key = readKeyParts(plainType, reader);
  return reader.hasMore ? encodePublicKey(key) : undefined; // what is behind the key does not matter here
}
