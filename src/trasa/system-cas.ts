import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';

/**
 * The certificate authorities that this host trusts, as PEM.
 *
 * Not `tls.getCACertificates('system')`: that lets SSL_CERT_FILE and SSL_CERT_DIR of the environment have a say. (For the
 * same reason there is always an explicit `ca`: NODE_EXTRA_CA_CERTS adds to Node's default list only.) A host without
 * any of these files gets the Mozilla list that Node carries.
 */
export function systemCas(): string {
  for (const path of bundles) {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      // not this distribution: the next
    }
  }
  return rootCertificates.join('\n');
}

/** Where distributions keep them; the list of Go's crypto/x509/root_linux.go. */
const bundles = [
  '/etc/ssl/certs/ca-certificates.crt', // Debian, Ubuntu, Arch
  '/etc/pki/tls/certs/ca-bundle.crt', // Fedora, RHEL
  '/etc/ssl/ca-bundle.pem', // openSUSE
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem', // RHEL
  '/etc/ssl/cert.pem', // Alpine
];
