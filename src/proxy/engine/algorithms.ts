import { certifiedType } from '../../ssh/cert-type-name.ts';

/** What is offered, on both legs: nothing weaker than OpenSSH 9 offers by itself, and no compression. */

export const keyExchanges = [
  'mlkem768x25519-sha256',
  'curve25519-sha256',
  'curve25519-sha256@libssh.org',
  'ecdh-sha2-nistp256',
  'ecdh-sha2-nistp384',
  'ecdh-sha2-nistp521',
  'diffie-hellman-group16-sha512',
  'diffie-hellman-group14-sha256',
] as const;

const ciphers = [
  'aes128-gcm@openssh.com',
  'aes256-gcm@openssh.com',
  'chacha20-poly1305@openssh.com',
  'aes128-ctr',
  'aes192-ctr',
  'aes256-ctr',
];

const macs = ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'];

const direction = { cipher: ciphers, mac: macs, compress: ['none'], lang: [] };

/** @param hostKeys names of the algorithms by which the host is, or has to be, proved */
export function offerOf(hostKeys: readonly string[]): {
  kex: readonly string[];
  serverHostKey: readonly string[];
  cs: typeof direction;
  sc: typeof direction;
} {
  return { kex: keyExchanges, serverHostKey: hostKeys, cs: direction, sc: direction };
}

/** The algorithm by which a certified key signs, as it is negotiated (PROTOCOL.certkeys). */
export function certAlgorithm(algorithm: string): string {
  return `${algorithm}${certSuffix}`;
}

/** The same without the certificate; what is none stays as it is. */
export function plainAlgorithm(algorithm: string): string {
  const cut = algorithm.endsWith(certSuffix) ? algorithm.slice(0, -certSuffix.length) : algorithm;
  return certifiedType(algorithm) ?? cut; // RSA signs by algorithms that are no types of keys
}

const certSuffix = '-cert-v01@openssh.com';
