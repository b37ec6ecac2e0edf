import { join } from 'node:path';
import { readCertificate } from '../../ca/files.ts';
import { fileExists } from '../../host/private-file.ts';
import type { Certificate } from '../../ssh/certificate.ts';
import { encodePublicKey } from '../../ssh/public-key.ts';
import { timeLeft } from '../../ssh/time-left.ts';
import type { HostKey } from '../engine/host-keys.ts';
import { openKey, readKey } from '../key-file.ts';

const kinds = ['ed25519', 'ecdsa', 'rsa'] as const;

/** Those that the proxy has once it has run. */
export function hostKeyFiles(directory: string): readonly string[] {
  return kinds.map(kind => fileOf(directory, kind));
}

/** What proves the proxy to its clients. */
export interface HostKeys {
  /** Those to show at that moment, in milliseconds since 1970: a certificate only while it is valid. */
  at(now: number): readonly HostKey[];
  /** For the log: certificates that are not shown, and why. */
  readonly warnings: readonly string[];
}

/**
 * The proxy's host keys in its state directory, made where there are none, each with the certificate in the file beside it
 * (`…-cert.pub`) if there is one. A string says what is wrong.
 */
export function openHostKeys(directory: string, now: number): HostKeys | string {
  const keys: (HostKey & { readonly ofCertificate?: Certificate })[] = [];
  const warnings: string[] = [];
  for (const kind of kinds) {
    const file = fileOf(directory, kind);
    const key = openKey(file, kind, 'trasa-agent proxy');
    if (typeof key === 'string') return key;
    const certified = certificateBeside(file, key);
    if (typeof certified === 'string') warnings.push(certified);
    keys.push({ ...key, ...(typeof certified === 'object' && certified) });
    const trouble = typeof certified === 'object' ? whyNotShown(certified.ofCertificate, now) : undefined;
    if (trouble !== undefined) warnings.push(`${file}-cert.pub: ${trouble}; clients are shown the key alone`);
  }
  return {
    warnings,
    at: moment =>
      keys.map(({ ofCertificate, certificate, ...key }) =>
        ofCertificate === undefined || certificate === undefined || whyNotShown(ofCertificate, moment) !== undefined
          ? key
          : { ...key, certificate },
      ),
  };
}

/** One of the host keys, looked at. */
export interface HostKeySight {
  readonly file: string;
  /** Why it cannot be used. */
  readonly keyTrouble: string | undefined;
  /** Beside it; a string says why it cannot be used. Undefined: there is none. */
  readonly certificate: Certificate | string | undefined;
}

/** The keys that are there, and their certificates; none is made. */
export function lookAtHostKeys(directory: string): HostKeySight[] {
  return hostKeyFiles(directory).flatMap((file): HostKeySight[] => {
    const key = readKey(file);
    if (key === undefined) return [];
    if (typeof key === 'string') return [{ file, keyTrouble: key, certificate: undefined }];
    const certified = certificateBeside(file, key);
    return [
      { file, keyTrouble: undefined, certificate: typeof certified === 'object' ? certified.ofCertificate : certified },
    ];
  });
}

/** A certificate that is not in order is as good as none: the key alone still proves the proxy to whoever knows it. */
function certificateBeside(
  keyFile: string,
  key: HostKey,
): { readonly certificate: Buffer; readonly ofCertificate: Certificate } | string | undefined {
  const file = `${keyFile}-cert.pub`;
  if (!fileExists(file)) return undefined;
  const read = readCertificate(file);
  if (read.kind !== 'done') return read.text;
  const { blob, certificate } = read.value;
  if (certificate.type !== 'host') return `${file}: is no host's certificate`;
  const isOfKey = encodePublicKey(certificate.key).equals(encodePublicKey(key.publicKey));
  return isOfKey ? { certificate: blob, ofCertificate: certificate } : `${file}: certifies another key`;
}

/** A client that trusts the CA would refuse us for it. */
function whyNotShown(certificate: Certificate, now: number): string | undefined {
  const { standing } = timeLeft(certificate, now);
  if (standing === 'ended') return 'has ended (trasa-agent ca renew)';
  return standing === 'not-yet-valid' ? 'is not valid yet' : undefined;
}

function fileOf(directory: string, kind: (typeof kinds)[number]): string {
  return join(directory, `ssh_host_${kind}_key`);
}
