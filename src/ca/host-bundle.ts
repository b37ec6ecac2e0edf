import { fileExists, makePrivateFile } from '../host/private-file.ts';
import type { Issuer } from './authority.ts';
import { signHostKey } from './host-certificate.ts';
import { type Bundle, filesOf, type NewKeyType, newKeyPair } from './key-pair.ts';
import { type CaResult, done, refused, trying } from './result.ts';
import { zip } from './zip.ts';

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
 *
 * @param keyId see {@link signHostKey}
 */
export async function hostBundle(
  issuer: Issuer,
  names: readonly string[],
  type: NewKeyType,
  forSeconds: number,
  now: number,
  keyId?: string,
): Promise<CaResult<Bundle>> {
  const pair = await newKeyPair(type, names[0] ?? '');
  const issued = await signHostKey(issuer, pair.key, names, forSeconds, now, keyId);
  if (issued.kind !== 'done') return issued;
  const file = type === 'rsa' ? 'id_rsa' : 'ssh_host_ed25519_key';
  const entries = filesOf(file, pair, issued.value.certificate);
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
