/** The private host's own sshd: started from its /etc/ssh/sshd_config and /etc/pam.d/sshd, as the distribution has them. */
import { appendFileSync, mkdtempSync } from 'node:fs';
import { freePort } from '../free-port.ts';
import { Background } from './background.ts';
import { listening, makeKey, type Sshd } from './sshd.ts';

export const sshdConfig = '/etc/ssh/sshd_config';

/** Only where it listens and what it logs is added, at the end of its configuration. */
export async function startOwnSshd(): Promise<Sshd> {
  const folder = mkdtempSync('/root/own-sshd-');
  const port = await freePort();
  const hostKey = makeKey(folder, 'host');
  const userKey = makeKey(folder, 'user');
  appendFileSync(sshdConfig, `\nListenAddress 127.0.0.1:${port}\nHostKey ${hostKey}\nLogLevel VERBOSE\n`);
  return await listening(new Background(['/usr/sbin/sshd', '-D', '-e']), folder, port, hostKey, userKey);
}
