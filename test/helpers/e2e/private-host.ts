/**
 * A host of its own for an end-to-end test: `privateHost(t)` runs the test file again as root of a private mount and
 * process namespace (private-host.sh), where it may add users and run sshd without touching the machine.
 */

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { endTerminals } from './terminal.ts';

/** Where the packaged agent is on a private host, as on a real one. */
export const agentFolder = '/usr/lib/trasa-agent';
export const agent = `${agentFolder}/trasa-agent`;

const checkout = join(import.meta.dirname, '../../..');
const script = join(import.meta.dirname, 'private-host.sh');

/** Call it first. Returns on the private host only; skips the whole file, with the reason, where there can be none. */
export function privateHost(t: Pick<Test, 'plan' | 'teardown'>): void {
  const reason = enterPrivateHost();
  t.teardown(endTerminals);
  if (reason === undefined) return;
  t.plan(0, reason);
  process.exit();
}

/** Returns nothing on the private host, which this program becomes; elsewhere the reason why there can be none. */
export function enterPrivateHost(): string | undefined {
  if (existsSync('/run/private-host')) return undefined;
  const reason = whyNoPrivateHost();
  if (reason !== undefined) return reason;
  process.emitWarning = () => {}; // execve is experimental
  return process.execve?.(
    '/bin/sh',
    ['sh', script, 'enter', checkout, process.execPath, ...process.argv.slice(1)],
    withoutTap(process.env),
  );
}

/** For its coverage, tap hands down preloads and variables to every child: sshd and the agent are to have none. */
function withoutTap(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(NODE_OPTIONS$|_TAPJS_)/.test(name)));
}

/** The reason why this machine (or container) has no private hosts; undefined if it has. */
export function whyNoPrivateHost(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root: it makes users and runs sshd in namespaces of its own';
  if (!existsSync(join(checkout, 'dist/trasa-agent'))) return 'dist/trasa-agent is missing: npm run build';
  try {
    execFileSync('sh', [script, 'try', checkout, 'true'], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return `needs mount and process namespaces: ${String((error as { stderr?: unknown }).stderr).trim()}`;
  }
}
