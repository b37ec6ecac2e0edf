/** The proxy against the direct line and `ssh -J` (a second sshd in between), on the same cipher and in the same run. */
import { readFileSync } from 'node:fs';
import { run } from '../test/helpers/e2e/background.ts';
import { answering, type ProxySite } from '../test/helpers/e2e/proxy.ts';
import { authorize } from '../test/helpers/e2e/users.ts';
import { median, type Row, sideBySide } from './measure.ts';
import { bulk } from './proxy-bulk.ts';
import { echoes } from './proxy-echo.ts';
import { memory } from './proxy-memory.ts';

/** What stands between `ssh` or `sftp` and the command, for each way to the same host. */
export interface Ways {
  readonly direct: readonly string[];
  readonly jump: (cipher: string) => readonly string[];
  readonly proxy: readonly string[];
  readonly site: ProxySite<string>;
}

const loginsAtOnce = 8;

/** @param site within whose grace all of it happens */
export async function proxy(site: ProxySite<'through'>): Promise<Row[]> {
  const { through } = site.members;
  const key = site.keys.through;
  authorize(through.user, readFileSync(`${key}.pub`, 'utf8')); // for the direct line; the proxy has its certificates
  const first = await answering(['ssh', ...site.proxy.flags(key), 'through@web1@proxy', 'true'], {
    OTP: through.code(),
  });
  if (first.status !== 0) throw new Error(first.stderr);
  const ways = waysTo(site, 'web1');
  const used = await memory(ways); // first, of a proxy that has done nothing yet
  return [...(await bulk(ways)), ...(await logins(ways)), ...(await echoes(ways)), ...used];
}

/** To an account of the same host: through that service of the proxy, and past it. */
export function waysTo(site: ProxySite<'through'>, service: string): Ways {
  const direct = ['-F', site.upstream.configFile, '-o', `IdentityFile=${site.keys.through}`];
  return {
    direct: [...direct, 'through@target'],
    jump: cipher => {
      const line = `ssh ${direct.join(' ')} -c ${cipher} -W %h:%p through@target`;
      return [...direct, '-c', cipher, '-o', `ProxyCommand=${line}`, 'through@target'];
    },
    proxy: [...site.proxy.flags(site.keys.through), `through@${service}@proxy`],
    site,
  };
}

async function logins(ways: Ways): Promise<Row[]> {
  const [jumpMs = Number.NaN, oursMs = Number.NaN] = (
    await sideBySide(10, login(ways.jump('aes128-gcm@openssh.com')), login(ways.proxy))
  ).map(median);
  const [directMs = Number.NaN, manyMs = Number.NaN] = (
    await sideBySide(5, manyLogins(ways.direct), manyLogins(ways.proxy))
  ).map(median);
  const perSecond = (ms: number): string => ((loginsAtOnce * 1000) / ms).toFixed(0);
  return [
    {
      what: '`ssh host true` through the proxy within a grace, against `ssh -J`',
      figure: `${(oursMs / jumpMs).toFixed(2)} (${oursMs.toFixed(0)} ms / ${jumpMs.toFixed(0)} ms)`,
      bound: '≤ 1',
      isMet: oursMs <= jumpMs,
    },
    {
      what: `logins per second through the proxy, ${loginsAtOnce} at once, beside those on the direct line`,
      figure: `${perSecond(manyMs)} / ${perSecond(directMs)}`,
    },
  ];
}

function login(words: readonly string[]): () => Promise<number> {
  return async () => await timed(['ssh', ...words, 'true']);
}

function manyLogins(words: readonly string[]): () => Promise<number> {
  return async () => {
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: loginsAtOnce }, login(words)));
    return performance.now() - startedAt;
  };
}

/** Milliseconds. Throws if it fails. */
export async function timed(command: readonly [string, ...string[]]): Promise<number> {
  const startedAt = performance.now();
  const { status, stderr } = await run(command);
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
  return performance.now() - startedAt;
}

export function quoted(words: readonly string[]): string {
  return words.map(word => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
}
