import { timeLeft } from '../../ssh/time-left.ts';
import type { Facts, HostCertificateFacts } from '../facts.ts';
import { type Finding, found } from '../finding.ts';

/** Clients that know this host by a CA alone turn away when its certificate has ended. */
export function checkHostCertificates({ hostCertificates, nowMs }: Facts): Finding[] {
  return hostCertificates.flatMap(one => aboutCertificate(one, nowMs));
}

const mend = 'trasa-agent ca renew before it ends (trasa-renew.timer does), ca host-cert afterwards: trasa-agent-ca(8)';

export function aboutCertificate(
  { path, valid }: HostCertificateFacts,
  nowMs: number,
  isNone = 'is no certificate of a host, and sshd shows none',
): Finding[] {
  if (valid === undefined) return [found('host-certificate', `${path} ${isNone}`, [path], mend)];
  const { standing, daysLeft } = timeLeft(valid, nowMs);
  const days = [path, `days left: ${daysLeft}`];
  switch (standing) {
    case 'fine':
    case 'due':
      return [];
    case 'late':
      return [found('host-certificate-ending', `the host certificate in ${path} ends soon`, days, mend)];
    case 'ended':
      return [found('host-certificate', `the host certificate in ${path} has ended`, days, mend)];
    case 'not-yet-valid':
      return [found('host-certificate', `the host certificate in ${path} is not valid yet`, [path], 'timedatectl')];
  }
}
