/**
 * What sshd says of the methods that a login has passed: one line each, `publickey ssh-ed25519 AAAA…`, `password`,
 * `keyboard-interactive/pam` (auth.c, auth2_update_session_info). It stands in SSH_AUTH_INFO_0 for PAM, and in the file
 * of `ExposeAuthInfo` for the session.
 */

/** SHA-256 in base64; handed in, since node:crypto takes 4 ms to load, which most logins can save. */
export type Sha256 = (bytes: Buffer) => string;

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
    if (key !== undefined) return `SHA256:${sha256(key).replace(/=+$/, '')}`;
  }
  return undefined;
}

/** Strings that make up a public key after its type name, by type (RFC 4253 §6.6, RFC 5656 §3.1, PROTOCOL.u2f). */
const keyParts: Readonly<Record<string, number>> = {
  'ssh-ed25519': 1,
  'ssh-rsa': 2,
  'ssh-dss': 4,
  'ecdsa-sha2-nistp256': 2,
  'ecdsa-sha2-nistp384': 2,
  'ecdsa-sha2-nistp521': 2,
  'sk-ssh-ed25519@openssh.com': 2,
  'sk-ecdsa-sha2-nistp256@openssh.com': 3,
};

/** The key itself: a certificate is reduced to the key that it certifies, as OpenSSH's fingerprints do (sshkey.c). */
function plainKey(type: string, blob: Buffer): Buffer | undefined {
  const strings = readStrings(blob);
  if (strings[0]?.toString('latin1') !== type) return undefined;
  const certified = /^(.*)-cert-v01(@openssh\.com)$/.exec(type);
  if (certified === null) return blob;

  const base = certified[1] ?? '';
  const plainType = Object.hasOwn(keyParts, base) ? base : `${base}@openssh.com`;
  const parts = Object.hasOwn(keyParts, plainType) ? keyParts[plainType] : undefined;
  if (parts === undefined) return undefined;
  // draft-miller-ssh-cert: type, nonce, the key's own strings, then the rest, which does not matter here.
  const key = strings.slice(2, 2 + parts);
  return key.length === parts ? Buffer.concat([Buffer.from(plainType), ...key].map(sshString)) : undefined;
}

/** The length-prefixed strings (RFC 4251 §5) at the start of `blob`, as many as are whole. */
function readStrings(blob: Buffer): Buffer[] {
  const strings: Buffer[] = [];
  let at = 0;
  while (at + 4 <= blob.length && strings.length < 8) {
    const end = at + 4 + blob.readUInt32BE(at);
    if (end > blob.length) break;
    strings.push(blob.subarray(at + 4, end));
    at = end;
  }
  return strings;
}

function sshString(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
