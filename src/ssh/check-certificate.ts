import { valueOfOption } from './cert-options.ts';
import { type Certificate, type CertType, parseCertificate } from './certificate.ts';
import type { SshCrypto } from './crypto.ts';
import { isRevoked, type Krl } from './krl.ts';
import { encodePublicKey, type PublicKey } from './public-key.ts';
import { verifySignature } from './signature.ts';
import { isWithin, parseAddressList } from './source-address.ts';

/** What a certificate has to be in order to count here and now. */
export interface Terms {
  readonly type: CertType;
  /** Our CAs of that type. Any other signs for nobody. */
  readonly caKeys: readonly PublicKey[];
  /** Milliseconds since 1970, UTC. */
  readonly now: number;
  /** The account that is to be entered, or the name by which the host was called, in lower case. */
  readonly principal: string;
  /** Where the client is; undefined if nobody knows, and then a certificate with source-address does not count. */
  readonly address?: string | undefined;
  /** The critical options that the caller will see to, if the verdict has them. One that nobody sees to is refused. */
  readonly honours: readonly Restriction[];
  readonly revoked: readonly Krl[];
}

export type Restriction = 'force-command' | 'verify-required';

export type Verdict =
  | {
      readonly kind: 'valid';
      readonly certificate: Certificate;
      /** In the place of whatever command the client asks for. */
      readonly forceCommand?: string;
      /** The signature by the certified key has to say that the person was verified (PROTOCOL.u2f). */
      readonly verifyRequired: boolean;
    }
  | {
      readonly kind: 'invalid';
      readonly reason: InvalidReason;
      /** For the log; may quote the certificate, so clean it before it is shown. */
      readonly text: string;
    };

export type InvalidReason =
  | 'malformed'
  | 'wrong-type'
  | 'unknown-ca'
  | 'bad-signature'
  | 'not-yet-valid'
  | 'expired'
  | 'wrong-principal'
  | 'critical-option'
  | 'wrong-address'
  | 'revoked';

/**
 * Does this certificate count? The one function that says so, and why not.
 *
 * It says nothing of who presents it: that the other side holds the certified key is for its signature to prove. A
 * certificate without principals counts for nobody, whatever the draft says of any.
 */
export function checkCertificate(blob: Buffer, terms: Terms, crypto: SshCrypto): Verdict {
  const read = parseCertificate(blob);
  if (read.kind === 'malformed') return invalid('malformed', `the certificate ${read.text}`);
  const certificate = read.value;
  return whyNotGenuine(certificate, terms, crypto) ?? whyNotNow(certificate, terms) ?? judgeOptions(certificate, terms);
}

function whyNotGenuine(certificate: Certificate, terms: Terms, crypto: SshCrypto): Verdict | undefined {
  const { type, caKey, signed, signature } = certificate;
  if (type !== terms.type) return invalid('wrong-type', `it is a ${type} certificate, not one for a ${terms.type}`);
  const signer = encodePublicKey(caKey);
  if (!terms.caKeys.some(key => encodePublicKey(key).equals(signer)))
    return invalid('unknown-ca', 'it is signed by a CA that is not ours');
  if (!verifySignature(caKey, signed, signature, crypto))
    return invalid('bad-signature', "its signature is not our CA's");
  const isOut = terms.revoked.some(krl => isRevoked(krl, certificate, crypto));
  return isOut ? invalid('revoked', `it was revoked (serial ${certificate.serial})`) : undefined;
}

function whyNotNow({ principals, validAfter, validBefore }: Certificate, terms: Terms): Verdict | undefined {
  const now = BigInt(Math.floor(terms.now / 1000));
  if (now < validAfter) return invalid('not-yet-valid', `it is valid only in ${validAfter - now} s`);
  if (now >= validBefore) return invalid('expired', `it expired ${now - validBefore} s ago`);
  if (!principals.includes(terms.principal))
    return invalid('wrong-principal', `it is for ${principals.join(', ') || 'nobody'}, not for ${terms.principal}`);
  return undefined;
}

function judgeOptions(certificate: Certificate, terms: Terms): Verdict {
  const options = new Map(certificate.criticalOptions);
  const addresses = options.get('source-address');
  options.delete('source-address');
  if (addresses !== undefined && !isFrom(valueOfOption(addresses), terms.address))
    return invalid('wrong-address', `it is not for clients at ${terms.address ?? 'an address that nobody knows'}`);

  const forceCommand = take(options, 'force-command', terms);
  const verifyRequired = take(options, 'verify-required', terms);
  const command = forceCommand === undefined ? undefined : valueOfOption(forceCommand);
  const isDamaged = (forceCommand !== undefined && command === undefined) || (verifyRequired?.length ?? 0) > 0;
  const [unknown] = options.keys();
  if (unknown !== undefined) return invalid('critical-option', `nobody here sees to its critical option ${unknown}`);
  if (isDamaged) return invalid('critical-option', 'one of its critical options is damaged');
  return {
    kind: 'valid',
    certificate,
    ...(command === undefined ? {} : { forceCommand: command }),
    verifyRequired: verifyRequired !== undefined,
  };
}

/** Takes the option out, if the caller sees to it and it can be one of this type of certificate. */
function take(options: Map<string, Buffer>, name: Restriction, { type, honours }: Terms): Buffer | undefined {
  if (type !== 'user' || !honours.includes(name)) return undefined;
  const data = options.get(name);
  options.delete(name);
  return data;
}

function isFrom(list: string | undefined, address: string | undefined): boolean {
  const blocks = list === undefined ? undefined : parseAddressList(list);
  return blocks !== undefined && address !== undefined && isWithin(blocks, address);
}

function invalid(reason: InvalidReason, text: string): Verdict {
  return { kind: 'invalid', reason, text };
}
