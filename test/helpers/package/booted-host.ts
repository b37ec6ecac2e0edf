/**
 * A fresh Debian for a test of the packages: `bootedHost(t)` runs the test file again as root of one that systemd has booted
 * in namespaces of its own (booted-host.sh). Nothing of ours is installed there yet.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { endTerminals } from '../e2e/terminal.ts';

export const checkout = join(import.meta.dirname, '../../..');
const script = join(import.meta.dirname, 'booted-host.sh');

/** Call it first. Returns there only; skips the whole file, with the reason, where there can be none. */
export function bootedHost(t: Pick<Test, 'plan' | 'teardown'>): void {
  t.teardown(endTerminals);
  if (existsSync('/run/booted-host')) return;
  const reason = whyNone();
  if (reason !== undefined) {
    t.plan(0, reason);
    process.exit();
  }
  prepare();
  process.emitWarning = () => {}; // execve is experimental
  process.execve?.(
    '/bin/sh',
    ['sh', script, 'enter', checkout, process.execPath, ...process.argv.slice(1)],
    withoutTap(process.env),
  );
}

/** The reason why this machine can make no packages and boot no Debian; undefined if it can. */
export function whyNone(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root: it boots a Debian in namespaces of its own';
  for (const program of ['debootstrap', 'dpkg-buildpackage', 'dh', 'scdoc', 'apt-ftparchive', 'gpg', 'flock'])
    if (!inPath(program)) return `needs ${program}: sh tools/setup.sh test`;
  const { status, stderr } = spawnSync('sh', [script, 'try', checkout], { encoding: 'utf8' });
  return status === 0 ? undefined : `needs namespaces: ${stderr.trim()}`;
}

/** Makes what is missing: the Debian to start from, and the packages. Test files at the same time wait for one another. */
export function prepare(): void {
  loudly('sh', script, 'prepare', checkout);
  loudly('flock', join(checkout, 'dist/.package.lock'), process.execPath, join(import.meta.dirname, 'build.ts'));
}

/** Shows what it printed only if it fails; that is a failure, not a reason to skip. */
function loudly(program: string, ...args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: status ${status}: ${stdout}${stderr}`);
}

function inPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some(folder => existsSync(join(folder, program)));
}

/** For its coverage, tap hands down preloads and variables to every child: sshd and the agent are to have none. */
function withoutTap(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(NODE_|_TAPJS_)/.test(name)));
}
