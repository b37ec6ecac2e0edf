import { createPrivateKey, generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { makePrivateFile, replacePrivateFile } from '../../host/private-file.ts';
import { readSafely } from '../../host/safe-open.ts';
import { Secret } from '../../otp/secret.ts';
import { selfSignedCertificate } from './certificate.ts';
import { pinOf } from './pin.ts';

/** Who the server is to TLS. PEM, and the pin of its key. */
export interface ServerIdentity {
  readonly key: Secret;
  readonly cert: string;
  readonly pin: string;
}

export type LoadedIdentity =
  | ({ readonly kind: 'identity' } & ServerIdentity)
  | { readonly kind: 'broken'; readonly text: string };

/**
 * The server's own key and self-signed certificate, made when first needed. A certificate that lacks a name or ends
 * soon is made anew for the same key, so that the pin stays.
 */
export function ownIdentity(directory: string, hostnames: readonly string[], now: number): LoadedIdentity {
  const keyFile = join(directory, keyName);
  const certFile = join(directory, certName);
  let key = readSafely(keyFile, rules);
  if (key.kind === 'refused' && key.problem.cause === 'missing') {
    makePrivateFile(keyFile, newKey());
    key = readSafely(keyFile, rules);
  }
  if (key.kind === 'refused') return { kind: 'broken', text: `${keyFile}: ${key.problem.text}` };

  const kept = readSafely(certFile, rules);
  if (kept.kind === 'refused' && kept.problem.cause !== 'missing')
    return { kind: 'broken', text: `${certFile}: ${kept.problem.text}` };
  if (kept.kind === 'read') {
    const identity = pair(key.text, kept.text, certFile);
    if (identity.kind === 'identity' && isGood(new X509Certificate(kept.text), hostnames, now)) return identity;
  }
  const cert = newCertificate(key.text, hostnames, now);
  if (cert === undefined) return { kind: 'broken', text: `${keyFile}: is not a private key in PEM` };
  replacePrivateFile(certFile, cert);
  return pair(key.text, cert, certFile);
}

/** A certificate (with its chain) and key that somebody else made. */
export function givenIdentity(certFile: string, keyFile: string): LoadedIdentity {
  const cert = readSafely(certFile, { maxBytes: rules.maxBytes });
  if (cert.kind === 'refused') return { kind: 'broken', text: `${certFile}: ${cert.problem.text}` };
  const key = readSafely(keyFile, rules);
  if (key.kind === 'refused') return { kind: 'broken', text: `${keyFile}: ${key.problem.text}` };
  return pair(key.text, cert.text, certFile);
}

/** The pin of the server's own key, if it ever made one. */
export function ownPin(directory: string): string | undefined {
  const cert = readSafely(join(directory, certName), rules);
  return cert.kind === 'read' ? pinOf(new X509Certificate(cert.text)) : undefined;
}

const keyName = 'tls-key.pem';
const certName = 'tls-cert.pem';
const rules = { maxBytes: 65_536, secret: true } as const;
const dayMs = 86_400_000;

function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' });
}

function newCertificate(key: string, hostnames: readonly string[], now: number): string | undefined {
  try {
    return selfSignedCertificate(createPrivateKey(key), {
      hostnames,
      notBefore: new Date(now - dayMs), // for clients whose clock is behind
      notAfter: new Date(now + 3650 * dayMs),
      serial: randomBytes(16),
    });
  } catch {
    return undefined;
  }
}

function isGood(cert: X509Certificate, hostnames: readonly string[], now: number): boolean {
  const named = hostnames.every(name => (isIP(name) === 0 ? cert.checkHost(name) : cert.checkIP(name)) !== undefined);
  return named && cert.validToDate.getTime() > now + 30 * dayMs;
}

function pair(key: string, cert: string, certFile: string): LoadedIdentity {
  try {
    const certificate = new X509Certificate(cert);
    if (!certificate.checkPrivateKey(createPrivateKey(key)))
      return { kind: 'broken', text: `${certFile}: does not belong to the key` };
    return { kind: 'identity', key: new Secret(key), cert, pin: pinOf(certificate) };
  } catch {
    return { kind: 'broken', text: `${certFile}: is not a certificate in PEM, or its key is none` };
  }
}
