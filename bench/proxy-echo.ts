/** How it feels to type: one byte there and back, alone and beside somebody who copies. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Background, plainEnvironment } from '../test/helpers/e2e/background.ts';
import { median, type Row } from './measure.ts';
import type { Ways } from './proxy.ts';

const cipher = 'aes128-gcm@openssh.com';
const atOnce = 250;
const blocks = 8;

export async function echoes(ways: Ways): Promise<Row[]> {
  const [jump, ours] = [await openEcho(ways.jump(cipher)), await openEcho(ways.proxy)];
  const [jumpMs, idleMs]: [number[], number[]] = [[], []];
  for (let block = 0; block < blocks; block++) {
    jumpMs.push(...(await jump.measure()));
    idleMs.push(...(await ours.measure()));
  }
  const neighbour = new Background(['bash', '-c', 'exec ssh "$@" "cat /dev/zero" >/dev/null', '-', ...ways.proxy]);
  await ours.measure(); // until it is under way
  const busyMs: number[] = [];
  for (let block = 0; block < blocks; block++) busyMs.push(...(await ours.measure()));
  await neighbour.stop();
  jump.close();
  ours.close();
  const ratio = median(idleMs) / median(jumpMs);
  const above = highest(busyMs) - highest(idleMs);
  return [
    {
      what: 'echo of one byte through the proxy, median, against `ssh -J`',
      figure: `${ratio.toFixed(2)} (${median(idleMs).toFixed(2)} / ${median(jumpMs).toFixed(2)} ms)`,
      bound: '≤ 1.5',
      isMet: ratio <= 1.5,
    },
    {
      what: '… 99th percentile while another session copies, above that of an idle proxy',
      figure: `${above.toFixed(1)} ms (${highest(busyMs).toFixed(1)} / ${highest(idleMs).toFixed(1)} ms)`,
      bound: '≤ 5 ms',
      isMet: above <= 5,
    },
  ];
}

interface Echo {
  /** Milliseconds of each of some bytes. */
  measure(): Promise<number[]>;
  close(): void;
}

async function openEcho(words: readonly string[]): Promise<Echo> {
  const child = spawn('ssh', [...words, 'cat'], { stdio: ['pipe', 'pipe', 'inherit'], env: plainEnvironment });
  const measure = async (): Promise<number[]> => {
    const times: number[] = [];
    for (let i = 0; i < atOnce; i++) {
      const startedAt = performance.now();
      child.stdin.write('x');
      await once(child.stdout, 'data');
      times.push(performance.now() - startedAt);
    }
    return times;
  };
  await measure();
  return { measure, close: () => child.stdin.end() };
}

/** The 99th percentile. */
function highest(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length * 0.99)] ?? Number.NaN;
}
