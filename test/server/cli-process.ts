import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type JsonObject, parseObject } from '../../src/server/json.ts';

const program = join(import.meta.dirname, '../../src/main.ts');

/** A command that ended. */
export interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

export function start(args: string[]): { child: ChildProcess; ended: Promise<Ended>; out: () => string } {
  const child = spawn(process.execPath, [program, 'server', ...args], { stdio: 'pipe' });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const ended = once(child, 'close').then(() => ({ status: child.exitCode, out, err }));
  return { child, ended, out: () => out };
}

/** The first line of its output. */
export async function firstLine(running: ReturnType<typeof start>): Promise<string> {
  while (!running.out().includes('\n'))
    await Promise.race([once(running.child.stdout ?? running.child, 'data'), running.ended]);
  return running.out().split('\n')[0] ?? '';
}

export async function run(args: string[], input = ''): Promise<Ended> {
  const { child, ended } = start(args);
  child.stdin?.end(input);
  return await ended;
}

export function jsonOf(text: string): JsonObject {
  return parseObject(text) ?? {};
}
