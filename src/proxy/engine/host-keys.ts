import { type KeyObject, sign } from 'node:crypto';
import { encodePublicKey, type PublicKey } from '../../ssh/public-key.ts';
import { certAlgorithm } from './algorithms.ts';

/** A key that proves the proxy to its clients, and its certificate if it has one. */
export interface HostKey {
  readonly privateKey: KeyObject;
  readonly publicKey: PublicKey;
  readonly certificate?: Buffer;
}

interface Signer {
  readonly type: string;
  getPublicSSH(): Buffer;
  sign(data: Buffer, hash: string | undefined): Buffer;
}

/** By the name of the algorithm, in the order of preference: certificates first. */
export function signersOf(keys: readonly HostKey[]): Readonly<Record<string, Signer>> {
  const certified = keys.flatMap(key =>
    key.certificate === undefined ? [] : signersFor(key, key.certificate, certAlgorithm),
  );
  const plain = keys.flatMap(key => signersFor(key, encodePublicKey(key.publicKey), name => name));
  return Object.fromEntries([...certified, ...plain]);
}

function signersFor(
  { privateKey, publicKey: { type } }: HostKey,
  blob: Buffer,
  nameOf: (algorithm: string) => string,
): [string, Signer][] {
  const signer: Signer = {
    type,
    getPublicSSH: () => blob,
    sign: (data, hash) => sign(hash ?? ownHashes[type] ?? null, data, privateKey),
  };
  const algorithms = type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type];
  return algorithms.map(algorithm => [nameOf(algorithm), signer]);
}

const ownHashes: Readonly<Record<string, string>> = {
  'ecdsa-sha2-nistp256': 'sha256',
  'ecdsa-sha2-nistp384': 'sha384',
  'ecdsa-sha2-nistp521': 'sha512',
};
