/** The proxy against the direct line and `ssh -J` (a second sshd in between), on the same cipher and in the same run. */
import { readFileSync, writeFileSync } from 'node:fs';
import { run } from '../test/helpers/e2e/background.ts';
import { answering, startProxySite } from '../test/helpers/e2e/proxy.ts';
import { authorize } from '../test/helpers/e2e/users.ts';
import { median, type Row, sideBySide } from './measure.ts';

const sentMiB = 256;
const rounds = 5;

export async function proxy(): Promise<Row[]> {
  const site = await startProxySite(['through']);
  const { through } = site.members;
  const key = site.keys.through;
  authorize(through.user, readFileSync(`${key}.pub`, 'utf8')); // for the direct line; the proxy has its certificates
  writeFileSync('/root/sent', Buffer.alloc(sentMiB * 1024 * 1024, 'x'));
  const proxyFlags = [...site.proxy.flags(key), 'through@web1@proxy'];
  const first = await answering(['ssh', ...site.proxy.flags(key), 'through@web1@proxy', 'true'], {
    OTP: through.code(),
  });
  if (first.status !== 0) throw new Error(first.stderr);
  const direct = ['-F', site.upstream.configFile, '-o', `IdentityFile=${key}`];
  const ways: readonly (readonly string[])[] = [
    [...direct, 'through@target'],
    [...direct, '-o', `ProxyCommand=ssh ${direct.join(' ')} -W %h:%p through@target`, 'through@target'],
    proxyFlags,
  ];

  const rows: Row[] = [];
  for (const [what, command] of [
    ['up', (ssh: string) => `${ssh} 'cat >/dev/null' </root/sent`],
    ['down', (ssh: string) => `${ssh} 'head -c ${sentMiB}M /dev/zero' >/dev/null`],
  ] as const) {
    const lines = ways.map(words => command(`ssh -c aes128-gcm@openssh.com ${words.map(quoted).join(' ')}`));
    const [plain = Number.NaN, jump = Number.NaN, ours = Number.NaN] = (
      await sideBySide(rounds, ...lines.map(line => async () => await timed(['bash', '-c', line])))
    ).map(median);
    const figure = (against: number): string =>
      `${(against / ours).toFixed(2)} (${mibPerSecond(ours)} / ${mibPerSecond(against)} MiB/s)`;
    rows.push(
      {
        what: `${sentMiB} MiB ${what} through the proxy, aes128-gcm, login included, against the direct line`,
        figure: figure(plain),
        bound: '≥ 0.75',
        isMet: plain / ours >= 0.75,
      },
      { what: '… against `ssh -J`', figure: figure(jump), bound: '≥ 1.3', isMet: jump / ours >= 1.3 },
    );
  }
  const logins = await sideBySide(10, ...ways.map(words => async () => await timed(['ssh', ...words, 'true'])));
  const [, jump = Number.NaN, ours = Number.NaN] = logins.map(median);
  rows.push({
    what: '`ssh host true` through the proxy within a grace, against `ssh -J`',
    figure: `${(ours / jump).toFixed(2)} (${ours.toFixed(0)} ms / ${jump.toFixed(0)} ms)`,
    bound: '≤ 1',
    isMet: ours <= jump,
  });
  await site.stop();
  return rows;
}

export async function timed(command: readonly [string, ...string[]]): Promise<number> {
  const startedAt = performance.now();
  const { status, stderr } = await run(command);
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
  return performance.now() - startedAt;
}

function mibPerSecond(ms: number): string {
  return ((sentMiB * 1000) / ms).toFixed(0);
}

export function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
