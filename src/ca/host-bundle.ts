import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { fileExists, makePrivateFile } from '../host/private-file.ts';
import { publicKeyLine } from '../ssh/key-line.ts';
import { privateKeyFile } from '../ssh/private-key.ts';
import type { Issuer } from './authority.ts';
import { signHostKey } from './host-certificate.ts';
import { certificateLine } from './issue.ts';
import { publicKeyOf } from './node-crypto.ts';
import { type CaResult, done, refused, trying } from './result.ts';
import { type ZipEntry, zip } from './zip.ts';

export type HostKeyType = 'rsa' | 'ed25519';

/** The same as a file of mode 0600, whole or not there; one that is there stays. @returns the serial */
export async function writeHostBundle(file: string, ...of: Parameters<typeof hostBundle>): Promise<CaResult<bigint>> {
  const exists = refused(`${file}: is there already, and stays`);
  if (fileExists(file)) return exists; // before anything is issued for it
  const bundle = await hostBundle(...of);
  if (bundle.kind !== 'done') return bundle;
  return trying(file, () => (makePrivateFile(file, bundle.value.zip) ? done(bundle.value.serial) : exists));
}

/**
 * A new host key and its certificate, as a zip to be extracted into /etc/ssh. That of RSA has the names that TRASA's
 * own has; the other has those of sshd, and a file for sshd_config.d that names them.
 */
export async function hostBundle(
  issuer: Issuer,
  names: readonly string[],
  type: HostKeyType,
  forSeconds: number,
  now: number,
): Promise<CaResult<{ readonly serial: bigint; readonly zip: Buffer }>> {
  const privateKey = generate(type);
  const key = publicKeyOf(privateKey);
  const [comment = ''] = names;
  const secret = privateKeyFile(privateKey.export({ format: 'jwk' }), comment, randomBytes(4).readUInt32BE());
  if (key === undefined || secret === undefined) throw new Error(`a key of type ${type} is none of SSH`);
  const issued = await signHostKey(issuer, key, names, forSeconds, now);
  if (issued.kind !== 'done') return issued;
  const file = type === 'rsa' ? 'id_rsa' : 'ssh_host_ed25519_key';
  const certificate = certificateLine(key, issued.value.certificate, comment);
  const entries: ZipEntry[] = [
    { name: file, content: secret, mode: 0o600 },
    { name: `${file}.pub`, content: Buffer.from(`${publicKeyLine(key, comment)}\n`), mode: 0o644 },
    { name: `${file}-cert.pub`, content: Buffer.from(certificate), mode: 0o644 },
  ];
  if (type === 'ed25519')
    entries.push({
      name: 'sshd_config.d/trasa-host-certificate.conf',
      content: Buffer.from(dropIn(file)),
      mode: 0o644,
    });
  return done({ serial: issued.value.serial, zip: zip(entries, new Date(now)) });
}

function dropIn(file: string): string {
  return `HostKey /etc/ssh/${file}\nHostCertificate /etc/ssh/${file}-cert.pub\n`;
}

function generate(type: HostKeyType): KeyObject {
  return type === 'rsa'
    ? generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey
    : generateKeyPairSync('ed25519').privateKey;
}
