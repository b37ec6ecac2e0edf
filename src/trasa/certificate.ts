import { createHash, X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { clockHint } from './trouble.ts';

/** What of {@link ServerSettings} says whom to trust. */
export interface TrustSettings {
  readonly pins: readonly string[];
  readonly insecureSkipVerify: boolean;
}

/**
 * Judges the certificate of a finished handshake, before a byte is sent. Undefined if it is trusted, else why not.
 *
 * Without pins: a chain to a CA and the right name (Node's own check), unless `insecureSkipVerify`.
 * With pins, either of
 * - the key of the *leaf* is pinned. The handshake has proved that the server holds it, so the pin alone is the
 *   server's identity, as a known_hosts line is: issuer, name and dates add nothing. This is how a self-signed server,
 *   ours among them, is trusted without a CA.
 * - the chain is valid to a CA, the name is right, and some key *of that chain* is pinned (RFC 7469 §2.6).
 * Pins hold under `insecureSkipVerify` too. It drops the CA and the name; then only the leaf can be matched, as
 * certificates beyond it are merely somebody's word.
 */
export function distrust(socket: TLSSocket, trust: TrustSettings): string | undefined {
  const error = socket.authorized ? undefined : String(socket.authorizationError);
  const problem = error === undefined ? undefined : `${error}${clockHint(error)}`;
  if (trust.pins.length === 0)
    return problem === undefined || trust.insecureSkipVerify ? undefined : `certificate not trusted: ${problem}`;

  const [leaf, ...issuers] = chainOf(socket);
  if (leaf === undefined) return 'the server showed no certificate';
  if (trust.pins.includes(spkiPin(leaf))) return undefined;
  if (problem !== undefined) return `certificate matches no pin, and is not trusted: ${problem}`;
  return issuers.some(issuer => trust.pins.includes(spkiPin(issuer))) ? undefined : 'certificate matches no pin';
}

/** RFC 7469 §2.4: base64 of the SHA-256 of the SubjectPublicKeyInfo. */
export function spkiPin(certificate: X509Certificate): string {
  return createHash('sha256')
    .update(certificate.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
}

/**
 * The leaf and those who vouch for it. Node links certificates by name, so every link's signature is checked here: else
 * a pinned certificate that the peer merely sent along could count.
 */
function chainOf(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let shown = socket.getPeerCertificate(true) as Partial<ReturnType<typeof socket.getPeerCertificate>> & {
    issuerCertificate?: ReturnType<typeof socket.getPeerCertificate>;
  };
  while (shown.raw !== undefined && chain.length < maxChain) {
    const certificate = new X509Certificate(shown.raw);
    const below = chain.at(-1);
    if (below !== undefined && !below.verify(certificate.publicKey)) break;
    chain.push(certificate);
    const issuer = shown.issuerCertificate;
    if (issuer === undefined || issuer === shown) break; // a root is its own issuer
    shown = issuer;
  }
  return chain;
}

const maxChain = 10;
