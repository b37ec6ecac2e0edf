/**
 * Signatures over messages of any kind (PROTOCOL.sshsig of OpenSSH), as `ssh-keygen -Y sign` makes them. Their namespace
 * keeps one that was made for one purpose from being taken for another's, or for the key exchange of a host.
 *
 * Subset: those of plain keys, over a SHA-256 or SHA-512 of the message.
 */
import type { SshCrypto } from './crypto.ts';
import { encodePublicKey, type PublicKey } from './public-key.ts';
import type { CaSigner } from './sign-certificate.ts';
import { verifySignature } from './signature.ts';
import { string, uint32, WireReader } from './wire.ts';

/** @param signer whose signature is: a host's, as well as a CA's */
export async function signMessage(
  message: Buffer,
  namespace: string,
  signer: CaSigner,
  crypto: Pick<SshCrypto, 'hash'>,
): Promise<Buffer> {
  const hash = 'sha512';
  const signature = await signer.sign(toBeSigned(namespace, hash, crypto.hash(hash, message)));
  return Buffer.concat([
    magic,
    uint32(version),
    string(encodePublicKey(signer.publicKey)),
    string(namespace),
    string(''), // reserved
    string(hash),
    string(signature),
  ]);
}

/** Is it `key`'s, over this message, for this purpose? */
export function verifyMessage(
  message: Buffer,
  namespace: string,
  key: PublicKey,
  bytes: Buffer,
  crypto: SshCrypto,
): boolean {
  if (!bytes.subarray(0, magic.length).equals(magic)) return false;
  const reader = new WireReader(bytes.subarray(magic.length));
  const isKnown = reader.uint32() === version;
  const signer = reader.string();
  const purpose = reader.string();
  reader.string(); // reserved
  const hash = reader.string().toString('latin1');
  const signature = reader.string();
  if (!reader.isWhole || !isKnown || (hash !== 'sha256' && hash !== 'sha512')) return false;
  if (!signer.equals(encodePublicKey(key)) || !purpose.equals(Buffer.from(namespace))) return false;
  return verifySignature(key, toBeSigned(namespace, hash, crypto.hash(hash, message)), signature, crypto);
}

const magic = Buffer.from('SSHSIG');
const version = 1;

function toBeSigned(namespace: string, hash: string, digest: Buffer): Buffer {
  return Buffer.concat([magic, string(namespace), string(''), string(hash), string(digest)]);
}

/** As `ssh-keygen -Y sign` writes it into a file. */
export function armored(signature: Buffer): string {
  const lines = signature.toString('base64').replace(/.{70}(?=.)/g, '$&\n');
  return `${begin}\n${lines}\n${end}\n`;
}

/** Undefined if it is none. */
export function dearmored(text: string): Buffer | undefined {
  const [first, ...rest] = text.trimEnd().split(/\r?\n/);
  if (first !== begin || rest.pop() !== end) return undefined;
  const base64 = rest.join('');
  return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? Buffer.from(base64, 'base64') : undefined;
}

const begin = '-----BEGIN SSH SIGNATURE-----';
const end = '-----END SSH SIGNATURE-----';
