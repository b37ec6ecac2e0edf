/**
 * A login at a host that came through the access proxy: the proxy's certificate says who it is, and by what they proved
 * themselves, so that a host that trusts it does not ask again.
 */

import { valueOfOption } from './cert-options.ts';
import { certifiedType } from './cert-type-name.ts';
import type { Certificate } from './certificate.ts';
import { checkCertificate, type Terms } from './check-certificate.ts';
import type { SshCrypto } from './crypto.ts';

/**
 * The extension by which a certificate says that the second factor was proved, and how. It is not critical: whoever does
 * not know it lets the certificate be one like any other.
 */
export const secondFactorExtension = 'second-factor@trasa';

/** `grace`: by a code or push some minutes before. What a host does not know, it does not take. */
const provingFactors = ['totp', 'push', 'grace'] as const;
export type ProvingFactor = (typeof provingFactors)[number];

/** One connection: who, to which host, and which attempt of the log it belongs to. */
export interface Connection {
  readonly person: string;
  readonly host: string;
  readonly attempt: string;
}

export function keyIdOf({ person, host, attempt }: Connection): string {
  return `trasa:${person}:${host}:${attempt}`;
}

export type ProxiedLogin =
  | { readonly kind: 'proved'; readonly person: string; readonly factor: ProvingFactor; readonly serial: bigint }
  /** For the log; may quote the certificate. */
  | { readonly kind: 'not-proved'; readonly why: string };

/**
 * Was the second factor of this login proved at a proxy that is trusted?
 *
 * @param authInfo what sshd says of the methods passed (auth-info.ts), from sshd itself: that the client holds the
 *   certified key has to be proved, and nothing in the certificate says so
 * @returns undefined if no method passed was by a certificate
 */
export function proxiedLogin(
  authInfo: string,
  terms: Omit<Terms, 'type' | 'honours'>,
  crypto: SshCrypto,
): ProxiedLogin | undefined {
  let found: ProxiedLogin | undefined;
  for (const line of authInfo.split('\n')) {
    const [, type = '', base64 = ''] = /^publickey ([!-~]{1,64}) ([A-Za-z0-9+/]+={0,2})$/.exec(line) ?? [];
    if (certifiedType(type) === undefined) continue;
    found = judge(Buffer.from(base64, 'base64'), terms, crypto);
    if (found.kind === 'proved') return found;
  }
  return found;
}

function judge(blob: Buffer, terms: Omit<Terms, 'type' | 'honours'>, crypto: SshCrypto): ProxiedLogin {
  const verdict = checkCertificate(blob, { ...terms, type: 'user', honours: [] }, crypto);
  if (verdict.kind === 'invalid') return notProved(verdict.text);
  const { certificate } = verdict;
  const factor = factorIn(certificate);
  if (factor === undefined) return notProved('it does not say that a second factor was proved');
  const person = personIn(certificate);
  if (person === undefined) return notProved('its key id names no person, so it is none of a proxy');
  return { kind: 'proved', person, factor, serial: certificate.serial };
}

function factorIn({ extensions }: Certificate): ProvingFactor | undefined {
  const data = extensions.get(secondFactorExtension);
  const value = data === undefined ? undefined : valueOfOption(data);
  return provingFactors.find(known => known === value);
}

/** See {@link keyIdOf}. A host (IPv6) may have colons: the first part and the last are still told from it. */
function personIn({ keyId }: Certificate): string | undefined {
  return /^trasa:([^:\s]+):\S+:[^:\s]+$/.exec(keyId)?.[1];
}

function notProved(why: string): ProxiedLogin {
  return { kind: 'not-proved', why };
}
