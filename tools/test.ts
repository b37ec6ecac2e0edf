/**
 * `npm test [-- FILE…]`: types, lint, shellcheck, then all tests (or those named, and nothing else). Ends with one line,
 * `N passed, N failed[, N skipped]`, and status 1 if anything failed or nothing ran.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import manifest from '../package.json' with { type: 'json' };

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

const { scripts } = manifest;
const root = join(import.meta.dirname, '..');
const files = process.argv.slice(2);
const count: Count = { passed: 0, failed: 0, skipped: 0 };

if (files.length === 0) for (const script of ['types', 'lint', 'lint:shell'] as const) await check(script);
await tests(files);

console.log(`${count.passed} passed, ${count.failed} failed${count.skipped === 0 ? '' : `, ${count.skipped} skipped`}`);
process.exitCode = count.failed > 0 || count.passed === 0 ? 1 : 0;

/** Runs one of package.json's scripts; it counts as one test. Shows what it printed only if it failed. */
async function check(script: 'types' | 'lint' | 'lint:shell'): Promise<void> {
  const child = start(scripts[script]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', text => (output += text));
  const status = await ended(child);
  if (status !== 0) console.log(output);
  report(status === 0, script);
}

/** Shows a line per test file, and of those that fail everything but what passed. */
async function tests(only: readonly string[]): Promise<void> {
  const child = start(`tap run --reporter=tap ${only.map(file => `'${file}'`).join(' ')}`);
  child.stderr?.pipe(process.stderr);
  const end = ended(child);
  const skips: string[] = [];
  let block: string[] = [];
  let counted = false;
  for await (const line of createInterface({ input: child.stdout ?? process.stdin })) {
    const skip = /^\s*ok \d+ - (.*) # SKIP ?(.*)$/.exec(line);
    if (skip !== null) skips.push(`skipped: ${skip[1] ?? ''}: ${skip[2] === '' ? 'no reason given' : skip[2]}`);
    if (!/^\s*ok /.test(line)) block.push(line);
    const file = /^(ok|not ok) \d+ (- .*)$/.exec(line);
    if (file?.[1] === 'ok') console.log(`ok ${file[2]}`);
    if (file?.[1] === 'ok' || line === '  ...') {
      if (line === '  ...') console.log(block.join('\n')); // the end of what is wrong with a file
      block = [];
    }
    const totals = /^# \{ (total: .*) \}$/.exec(line)?.[1];
    if (totals !== undefined) counted = add(totals);
  }
  const status = await end;
  for (const line of skips) console.log(line);
  if (!counted || (status !== 0 && count.failed === 0)) {
    console.log(block.join('\n'));
    report(false, `tap (status ${status})`);
  }
}

/** @param totals `total: 86, pass: 73, fail: 9, todo: 1, skip: 3`; what is zero is left out. What is to do has failed. */
function add(totals: string): boolean {
  const of = (name: string): number => Number(new RegExp(`\\b${name}: (\\d+)`).exec(totals)?.[1] ?? 0);
  count.passed += of('pass');
  count.failed += of('fail') + of('todo');
  count.skipped += of('skip');
  return of('total') > 0;
}

function report(passed: boolean, what: string): void {
  console.log(`${passed ? 'ok' : 'not ok'} - ${what}`);
  count[passed ? 'passed' : 'failed']++;
}

function start(command: string): ChildProcess {
  const PATH = `${join(root, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`;
  return spawn('sh', ['-c', command], { cwd: root, env: { ...process.env, PATH }, stdio: ['ignore', 'pipe', 'pipe'] });
}

async function ended(child: ChildProcess): Promise<number | null> {
  await once(child, 'close');
  return child.exitCode;
}
