/** The private host's own sshd: started from its /etc/ssh/sshd_config and /etc/pam.d/sshd, as the distribution has them. */
import { appendFileSync, mkdtempSync, readFileSync } from 'node:fs';
import { Background } from './background.ts';
import { freePort, makeKey, type Sshd, writeClientConfig } from './sshd.ts';

export const sshdConfig = '/etc/ssh/sshd_config';

/** Only where it listens and what it logs is added, at the end of its configuration. */
export async function startOwnSshd(): Promise<Sshd> {
  const folder = mkdtempSync('/root/own-sshd-');
  const port = await freePort();
  const hostKey = makeKey(folder, 'host');
  const userKey = makeKey(folder, 'user');
  appendFileSync(sshdConfig, `\nListenAddress 127.0.0.1:${port}\nHostKey ${hostKey}\nLogLevel VERBOSE\n`);
  const process = new Background(['/usr/sbin/sshd', '-D', '-e']);
  await process.printed(/Server listening on/);
  return {
    port,
    configFile: writeClientConfig(folder, port, hostKey, userKey),
    publicKey: readFileSync(`${userKey}.pub`, 'utf8'),
    process,
    log: () => process.stderr,
    stop: async () => await process.stop(),
  };
}
