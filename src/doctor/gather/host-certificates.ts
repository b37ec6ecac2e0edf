import { parseCertificate } from '../../ssh/certificate.ts';
import { parseKeyLine } from '../../ssh/key-line.ts';
import { readText } from '../../system/read-text.ts';
import type { HostCertificateFacts, SshdFacts } from '../facts.ts';

/** What sshd shows to clients beside its keys; HostCertificate is the same for all connections. */
export function gatherHostCertificates(sshd: SshdFacts): HostCertificateFacts[] {
  const [probe] = sshd.kind === 'present' ? sshd.probes : [];
  const paths = probe?.settings.kind === 'answered' ? probe.settings.answer.all('hostcertificate') : [];
  return paths.filter(path => path !== 'none').map(path => ({ path, valid: validityIn(path) }));
}

function validityIn(path: string): HostCertificateFacts['valid'] {
  const line = parseKeyLine(readText(path) ?? '');
  const read = line.kind === 'parsed' ? parseCertificate(line.value.blob) : line;
  return read.kind === 'parsed' && read.value.type === 'host' ? read.value : undefined;
}
