/** Stands between the daemon and the TRASA server, and keeps all that passes. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { loopback, makeIdentity } from '../tls.ts';
import { writeConfig } from './agent.ts';
import type { Finished } from './background.ts';
import type { Site } from './site.ts';
import { until } from './until.ts';

export interface Wiretap {
  /** Everything that the daemon has sent, as it was. */
  sent(): string;
  /** How often a factor was asked for: a code, or a push. */
  count(factor: 'totp' | 'push'): number;
  /** Runs a client and tells how many pushes it took. */
  readonly counted: (client: () => Promise<Finished>) => Promise<Finished & { pushes: number }>;
  stop(): void;
}

const tapCertificate = '/etc/trasa/wiretap.pem';

/** Puts itself between the site's daemon and server; `more` is appended to the configuration: people. */
export async function startWiretap(site: Site, more = ''): Promise<Wiretap> {
  const { key, cert, pin } = makeIdentity({ names: loopback });
  const target = new URL(site.server.url);
  const sent: Buffer[] = [];
  const sockets = new Set<TLSSocket>();
  const server = createServer({ key, cert }, socket => {
    const upstream = connect({ host: target.hostname, port: Number(target.port), rejectUnauthorized: false });
    sockets.add(socket).add(upstream);
    socket.on('data', (chunk: Buffer) => sent.push(chunk));
    socket.pipe(upstream).pipe(socket);
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const)
      one.on('error', () => {}).on('close', () => other.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');

  writeFileSync(tapCertificate, cert);
  const config = site.config
    .replaceAll(site.server.url, `https://127.0.0.1:${address.port}`)
    .replace(/^caFile = .*$/m, `caFile = "${tapCertificate}"`)
    .replace(/^pins = .*$/m, `pins = ["sha256//${pin}"]`);
  writeConfig(`${config}${more}`);
  const loaded = (): number => site.daemon.process.stdout.split('configuration loaded').length;
  const before = loaded();
  site.daemon.process.child.kill('SIGHUP');
  await until('the daemon to go through the wiretap', () => loaded() > before);

  const text = (): string => Buffer.concat(sent).toString('latin1');
  const count = (factor: 'totp' | 'push'): number =>
    text().split(factor === 'totp' ? /"tfaMethod":"totp"/ : /"tfaMethod":"U2F"/).length - 1;
  return {
    sent: text,
    count,
    async counted(client) {
      const before = count('push');
      const finished = await client();
      return { ...finished, pushes: count('push') - before };
    },
    stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
