import { readCertificate } from '../ca/files.ts';
import { connectionOf } from '../setup/services.ts';
import { timeLeft } from '../ssh/time-left.ts';
import { effectiveSettings, type SshdProgram } from '../system/sshd-settings.ts';

/** The certificates that sshd shows to clients, a line each, and whether all of them are good. */
export async function shownCertificates(
  sshd: SshdProgram,
  now: number,
): Promise<{ readonly isWell: boolean; readonly lines: readonly string[] }> {
  const asked = await effectiveSettings(sshd, connectionOf('root'));
  if (asked.kind === 'failed') return { isWell: true, lines: [] }; // sshd's own trouble; the doctor tells of it
  const files = asked.answer.all('hostcertificate').filter(file => file !== 'none');
  const shown = files.map(file => shownIn(file, now));
  return { isWell: shown.every(({ isWell }) => isWell), lines: shown.map(({ line }) => line) };
}

function shownIn(file: string, now: number): { readonly isWell: boolean; readonly line: string } {
  const read = readCertificate(file);
  if (read.kind !== 'done') return { isWell: false, line: read.text };
  const { certificate } = read.value;
  const { standing, daysLeft } = timeLeft(certificate, now);
  if (daysLeft === Number.POSITIVE_INFINITY) return { isWell: true, line: `${file}: has no end` };
  const end = new Date(Number(certificate.validBefore) * 1000).toISOString();
  if (standing === 'ended') return { isWell: false, line: `${file}: has ended (${end})` };
  if (standing === 'not-yet-valid') return { isWell: false, line: `${file}: is not valid yet` };
  const due = standing === 'fine' ? '' : ', and is to be renewed (trasa-agent ca renew)';
  return { isWell: true, line: `${file}: good until ${end}, ${daysLeft} days${due}` };
}
