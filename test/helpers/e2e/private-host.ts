/**
 * A host of its own for an end-to-end test: `privateHost(t)` runs the test file again as root of a private mount and
 * process namespace (private-host.sh), where it may add users and run sshd without touching the machine.
 */

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';

/** Where the packaged agent is on a private host, as on a real one. */
export const agentFolder = '/usr/lib/trasa-agent';
export const agent = `${agentFolder}/trasa-agent`;

/** Call it first. Returns on the private host only; skips the whole file, with the reason, where there can be none. */
export function privateHost(t: Pick<Test, 'plan'>): void {
  if (existsSync('/run/private-host')) return;
  const checkout = join(import.meta.dirname, '../../..');
  const reason = existsSync(join(checkout, 'dist/trasa-agent'))
    ? cannot()
    : 'dist/trasa-agent is missing: npm run build';
  if (reason !== undefined) {
    t.plan(0, reason);
    process.exit();
  }
  process.emitWarning = () => {}; // execve is experimental
  process.execve?.(
    '/usr/bin/unshare',
    [
      ...namespaces,
      'sh',
      join(import.meta.dirname, 'private-host.sh'),
      checkout,
      process.execPath,
      ...process.execArgv,
      ...process.argv.slice(1),
    ],
    process.env,
  );
}

const namespaces = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];

/** @returns why this machine (or container) has no private hosts. */
function cannot(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root: it makes users and runs sshd in namespaces of its own';
  try {
    execFileSync('unshare', [...namespaces.slice(1), 'true'], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return `needs mount and process namespaces: ${error instanceof Error ? error.message.split('\n').at(-1) : ''}`;
  }
}
