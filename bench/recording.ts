/** What recording costs: the same through the proxy to a service that is recorded, against one that is not. */
import { writeFileSync } from 'node:fs';
import { answering, type ProxySite } from '../test/helpers/e2e/proxy.ts';
import { median, type Row, sideBySide } from './measure.ts';
import { quoted, timed, waysTo } from './proxy.ts';
import { recordedStreams } from './proxy-bulk.ts';

const sentMiB = 128;
const rounds = 5;

export async function recording(site: ProxySite<'through'>): Promise<Row[]> {
  await site.restart({ grace: 3600, more: another(site.upstream) });
  const key = site.keys.through;
  for (const service of ['web1', 'web2']) {
    const login = ['ssh', ...site.proxy.flags(key), `through@${service}@proxy`, 'true'] as const;
    const first = await answering(login, { OTP: site.members.through.code() });
    if (first.status !== 0) throw new Error(first.stderr);
  }
  const flags = ['-c', 'aes128-gcm@openssh.com', ...site.proxy.flags(key)].map(word => quoted([word])).join(' ');
  const rows = await recordedStreams(waysTo(site, 'web2'));
  writeFileSync('/root/sent', Buffer.alloc(sentMiB * 1024 * 1024, 'x'));
  for (const [what, line] of [
    ['up by a command', (to: string) => `ssh ${flags} ${to} 'cat >/dev/null' </root/sent`],
    ['down by a command', (to: string) => `ssh ${flags} ${to} 'head -c ${sentMiB}M /dev/zero' >/dev/null`],
    ['up by sftp', (to: string) => `echo 'put /root/sent kept-put' | sftp -b - ${flags} ${to}`],
    ['down by sftp', (to: string) => `echo 'get kept-put /root/kept-got' | sftp -b - ${flags} ${to}`],
    ['of nothing: `ssh host true`', (to: string) => `ssh ${flags} ${to} true`],
  ] as const) {
    const ways = ['web1', 'web2'].map(
      service => async () => await timed(['bash', '-c', line(`through@${service}@proxy`)]),
    );
    const [plain = Number.NaN, kept = Number.NaN] = (await sideBySide(rounds, ...ways)).map(median);
    rows.push({
      what: `${sentMiB} MiB ${what}, recorded, against the same unrecorded`.replace(/^\d+ MiB of nothing: /, ''),
      figure: `${(plain / kept).toFixed(2)} (${kept.toFixed(0)} ms / ${plain.toFixed(0)} ms)`,
      bound: '≥ 0.7',
      isMet: plain / kept >= 0.7,
    });
  }
  return rows;
}

/** A second service, on the same host: a policy has it recorded. */
function another({ port, hostKey }: { readonly port: number; readonly hostKey: string }): string {
  return `[proxy.services.web2]
address = "127.0.0.1:${port}"
accounts = ["through"]
hostKey = ${JSON.stringify(hostKey.trim())}
[proxy.policies.recorded]
people = ["through@example.com"]
services = ["web2"]
networks = ["127.0.0.0/8"]
record = true
idleTimeout = 900
sessionTimeout = 3600
[proxy.policies.other]
`;
}
