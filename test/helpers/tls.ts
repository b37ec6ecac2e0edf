/** Throw-away certificate authorities and server certificates, made by openssl(1) for one test run. */
import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Identity {
  /** PEM. */
  readonly key: string;
  /** PEM: the certificate, and those of the issuers that a server sends along. */
  readonly cert: string;
  /** RFC 7469 §2.4: base64 of the SHA-256 of its SubjectPublicKeyInfo. */
  readonly pin: string;
}

/** A certificate for these names (`DNS:…` or `IP:…`), or for a CA of its own if there are none. */
export interface Wish {
  readonly names?: readonly string[];
  /** Self-signed without. */
  readonly issuer?: Identity;
  /** Its last day was yesterday. */
  readonly expired?: boolean;
}

/** Names of a server on loopback. */
export const loopback = ['IP:127.0.0.1', 'DNS:localhost'] as const;

export function makeIdentity({ names, issuer, expired = false }: Wish = {}): Identity {
  const directory = mkdtempSync(join(tmpdir(), 'trasa-tls-'));
  try {
    const write = (name: string, text: string) => writeFileSync(join(directory, name), text);
    const read = (name: string) => readFileSync(join(directory, name), 'utf8');
    const subject = `/CN=trasa-test-${names === undefined ? 'ca' : 'server'}`;
    const newKey = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key';
    openssl(directory, `req ${newKey} -subj ${subject} -out request`);

    write('extensions', names === undefined ? caExtensions : `subjectAltName=${names.join(',')}\n`);
    write('issuer-key', issuer?.key ?? '');
    write('issuer', issuer?.cert ?? '');
    const signer = issuer === undefined ? '-key key' : '-CA issuer -CAkey issuer-key';
    const days = expired ? -1 : 2;
    openssl(directory, `x509 -req -in request -extfile extensions ${signer} -days ${days} -out cert`);

    const [key, cert] = [read('key'), read('cert')];
    return { key, cert: cert + (issuer?.cert ?? ''), pin: pinOf(cert) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const caExtensions = 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n';

/** @param command without blanks in its words */
function openssl(directory: string, command: string): void {
  execFileSync('openssl', command.split(' '), { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
}

function pinOf(cert: string): string {
  const spki = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest('base64');
}
