import { basename, resolve } from 'node:path';
import { readCertificate, readPublicKey } from '../ca/files.ts';
import { readHostKey } from '../ca/host-key.ts';
import { type CaResult, done, refused } from '../ca/result.ts';
import { fileExists } from '../host/private-file.ts';
import { connectionOf } from '../setup/services.ts';
import type { Certificate } from '../ssh/certificate.ts';
import { encodePublicKey, type PublicKey } from '../ssh/public-key.ts';
import { timeLeft } from '../ssh/time-left.ts';
import { effectiveSettings, type SshdProgram } from '../system/sshd-settings.ts';
import type { SshdChange } from './change-sshd.ts';

/**
 * This host shows a certificate to its clients. Its key is beside it (as the zip of `ca host-cert` leaves both in
 * /etc/ssh), or one that sshd has already.
 */
export async function planHostCertificate(
  certificateFile: string,
  sshd: SshdProgram,
  now: number,
): Promise<CaResult<SshdChange>> {
  const file = resolve(certificateFile); // sshd stands elsewhere
  const read = readCertificate(file);
  if (read.kind !== 'done') return read;
  const { certificate, text } = read.value;
  const problem = whyNot(certificate, now);
  if (problem !== undefined) return refused(`${file}: ${problem}`);
  const asked = await effectiveSettings(sshd, connectionOf('root'));
  if (asked.kind === 'failed') return refused(`sshd does not take its own configuration: ${asked.why}`);
  const present = asked.answer.all('hostkey').filter(fileExists);
  const key = keyOf(file, certificate.key, present);
  if (key === undefined)
    return refused(
      `${file}: certifies neither a key beside it, in the file of that name without -cert.pub, nor one of sshd's`,
    );
  const target = `${key}-cert.pub`;
  // A HostKey line puts sshd's usual keys out of use, by which clients may know this host: all are named.
  const keys = [...new Set([...present, key])];
  const dropIn = [...keys.map(one => `HostKey ${one}\n`), `HostCertificate ${target}\n`].join('');
  return done({
    files: new Map([
      [target, text],
      [`/etc/ssh/sshd_config.d/30-trasa-${basename(key)}.conf`, dropIn],
    ]),
    expected: [...keys.map(value => ({ setting: 'hostkey', value })), { setting: 'hostcertificate', value: target }],
  });
}

function whyNot(certificate: Certificate, now: number): string | undefined {
  if (certificate.type !== 'host') return "is no host's certificate";
  const { standing } = timeLeft(certificate, now);
  if (standing === 'ended') return 'has ended';
  return standing === 'not-yet-valid' ? 'is not valid yet' : undefined;
}

/** The file of the private half. */
function keyOf(file: string, certified: PublicKey, present: readonly string[]): string | undefined {
  const blob = encodePublicKey(certified);
  const beside = file.replace(/-cert\.pub$/, '');
  const own = beside === file || !fileExists(beside) ? undefined : readHostKey(beside);
  if (own?.kind === 'done' && encodePublicKey(own.value.publicKey).equals(blob)) return beside;
  return present.find(path => {
    const key = readPublicKey(`${path}.pub`);
    return key.kind === 'done' && encodePublicKey(key.value).equals(blob);
  });
}
