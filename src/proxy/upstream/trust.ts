/** Is it the host that the configuration means? By a certificate of a Host CA, or by its pinned key; never by first use. */
import { nodeCrypto } from '../../ca/node-crypto.ts';
import type { ProxyService } from '../../config/config.ts';
import { checkCertificate } from '../../ssh/check-certificate.ts';
import { isRevoked, type Krl } from '../../ssh/krl.ts';
import { encodePublicKey, type PublicKey, parsePublicKey } from '../../ssh/public-key.ts';
import { WireReader } from '../../ssh/wire.ts';
import { certAlgorithm, plainAlgorithm } from '../engine/algorithms.ts';

const algorithms = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const;

type Trusted = Pick<ProxyService, 'host' | 'hostCAs' | 'hostKeys' | 'certifiedAs'>;

/** Only those by which the host can prove itself: it is not left to choose one that we would have to refuse. */
export function hostKeyAlgorithms({ hostCAs, hostKeys }: Trusted): string[] {
  const certified = hostCAs.length === 0 ? [] : algorithms.map(certAlgorithm);
  const pinned = algorithms.filter(name => hostKeys.some(key => key.type === keyTypeOf(name)));
  return [...certified, ...pinned];
}

/** Undefined: it is. Otherwise why not, for the log. */
export function whyNotTrusted(
  blob: Buffer,
  { host, certifiedAs = host, hostCAs, hostKeys }: Trusted,
  revoked: readonly Krl[],
  now: number,
): string | undefined {
  const type = new WireReader(blob).string().toString('latin1');
  if (type !== plainAlgorithm(type)) {
    const terms = { type: 'host', caKeys: hostCAs, principal: certifiedAs, now, honours: [], revoked } as const;
    const verdict = checkCertificate(blob, terms, nodeCrypto);
    return verdict.kind === 'valid' ? undefined : verdict.text;
  }
  const key = parsePublicKey(blob);
  if (key.kind === 'malformed') return `its key ${key.text}`;
  if (revoked.some(krl => isRevoked(krl, key.value, nodeCrypto))) return 'its key is revoked';
  return hostKeys.some(pinned => encodePublicKey(pinned).equals(blob)) ? undefined : 'its key is not the pinned one';
}

function keyTypeOf(algorithm: (typeof algorithms)[number]): PublicKey['type'] {
  return algorithm === 'rsa-sha2-512' || algorithm === 'rsa-sha2-256' ? 'ssh-rsa' : algorithm;
}
