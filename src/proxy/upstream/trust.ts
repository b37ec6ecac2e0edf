/** Is it the host that the configuration means? By a certificate of a Host CA, or by a key that is known already. */
import { fingerprintOf } from '../../ca/issue.ts';
import { nodeCrypto } from '../../ca/node-crypto.ts';
import type { ProxyService } from '../../config/config.ts';
import { parseCertificate } from '../../ssh/certificate.ts';
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

export interface Trusted extends Pick<ProxyService, 'host' | 'hostCAs' | 'hostKeys' | 'certifiedAs'> {
  /** A host of which no key is known may be taken on first use. */
  readonly mayBeNew: boolean;
}

export type HostVerdict =
  | { readonly kind: 'trusted' }
  /** Nothing is known of it. The key is not proved to be its own before keys are exchanged. */
  | { readonly kind: 'new'; readonly key: PublicKey; readonly hasCertificate: boolean }
  /** Another key is known. */
  | { readonly kind: 'changed'; readonly shown: string; readonly known: string }
  /** For the log. */
  | { readonly kind: 'distrusted'; readonly why: string };

/** Only those by which the host can prove itself: it is not left to choose one that we would have to refuse. */
export function hostKeyAlgorithms({ hostCAs, hostKeys, mayBeNew }: Omit<Trusted, 'host'>): string[] {
  const certified = hostCAs.length === 0 ? [] : algorithms.map(certAlgorithm);
  const isAny = mayBeNew && hostKeys.length === 0;
  const plain = algorithms.filter(name => isAny || hostKeys.some(key => key.type === keyTypeOf(name)));
  return [...certified, ...plain];
}

export function judgeHost(blob: Buffer, trusted: Trusted, revoked: readonly Krl[], now: number): HostVerdict {
  const type = new WireReader(blob).string().toString('latin1');
  if (type === plainAlgorithm(type)) {
    const key = parsePublicKey(blob);
    return key.kind === 'malformed' ? distrusted(`its key ${key.text}`) : judgeKey(key.value, trusted, revoked, false);
  }
  const { host, certifiedAs = host, hostCAs, mayBeNew } = trusted;
  const terms = { type: 'host', caKeys: hostCAs, principal: certifiedAs, now, honours: [], revoked } as const;
  const verdict = checkCertificate(blob, terms, nodeCrypto);
  if (verdict.kind === 'valid') return { kind: 'trusted' };
  const read = parseCertificate(blob);
  // By a CA that says nothing to us, it is a key like any other. Ours has said what it thinks of it.
  return verdict.reason === 'unknown-ca' && mayBeNew && read.kind === 'parsed'
    ? judgeKey(read.value.key, trusted, revoked, true)
    : distrusted(verdict.text);
}

function judgeKey(
  key: PublicKey,
  { hostKeys, mayBeNew }: Trusted,
  revoked: readonly Krl[],
  hasCertificate: boolean,
): HostVerdict {
  if (revoked.some(krl => isRevoked(krl, key, nodeCrypto))) return distrusted('its key is revoked');
  const blob = encodePublicKey(key);
  if (hostKeys.some(pinned => encodePublicKey(pinned).equals(blob))) return { kind: 'trusted' };
  if (hostKeys.length === 0 && mayBeNew) return { kind: 'new', key, hasCertificate };
  return hostKeys.length === 0
    ? distrusted('it shows a key, and no certificate')
    : { kind: 'changed', shown: nameOf(key), known: hostKeys.map(nameOf).join(', ') };
}

/** As `ssh-keygen -l` has it: `SHA256:… (ED25519)`. */
export function nameOf(key: PublicKey): string {
  return `${fingerprintOf(key)} (${kindOf(key)})`;
}

function kindOf({ type }: PublicKey): string {
  const [, name = type] = /^(?:sk-)?(?:ssh-)?(ed25519|rsa|ecdsa)/.exec(type) ?? [];
  return name.toUpperCase();
}

function keyTypeOf(algorithm: (typeof algorithms)[number]): PublicKey['type'] {
  return algorithm === 'rsa-sha2-512' || algorithm === 'rsa-sha2-256' ? 'ssh-rsa' : algorithm;
}

function distrusted(why: string): HostVerdict {
  return { kind: 'distrusted', why };
}
