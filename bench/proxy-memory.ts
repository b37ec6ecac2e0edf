/** What sessions cost in memory: those that do nothing, and one whose reader is slow. */
import { Background } from '../test/helpers/e2e/background.ts';
import { until } from '../test/helpers/e2e/until.ts';
import type { Row } from './measure.ts';
import { quoted, timed, type Ways } from './proxy.ts';
import { residentKiB } from './proxy-processes.ts';

const sessions = 50;
/** Both channel windows of OpenSSH's, and as much that waits in the proxy itself. */
const slowReaderMiB = 8;

export async function memory({ proxy, site }: Ways): Promise<Row[]> {
  const { pid } = site.proxy.process.child;
  const idleBefore = residentKiB(pid);
  const idle = Array.from({ length: sessions }, () => new Background(['ssh', ...proxy, 'echo in; sleep 1000']));
  for (const one of idle) await until('a session', () => one.stdout.includes('in'));
  const perSession = (residentKiB(pid) - idleBefore) / sessions;
  await Promise.all(idle.map(async one => await one.stop()));

  const download = `ssh ${quoted(proxy)} 'head -c 64M /dev/zero'`;
  for (let i = 0; i < 3; i++) await timed(['bash', '-c', `${download} >/dev/null`]); // what is made once is there

  const before = residentKiB(pid);
  const slow = timed(['bash', '-c', `${download} | (sleep 3; cat >/dev/null)`]);
  let peak = before;
  const watch = setInterval(() => (peak = Math.max(peak, residentKiB(pid))), 50);
  await slow.finally(() => clearInterval(watch));
  const slowMiB = (peak - before) / 1024;

  return [
    { what: 'resident memory of the proxy per idle session', figure: `${perSession.toFixed(0)} KiB` },
    {
      what: 'what it grows by for a reader that is slow, at most',
      figure: `${slowMiB.toFixed(1)} MiB`,
      bound: `≤ ${slowReaderMiB} MiB`,
      isMet: slowMiB <= slowReaderMiB,
    },
  ];
}
