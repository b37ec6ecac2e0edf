/** For commands that work beside a proxy that serves, on what it keeps. */

import type { ProxySettings } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { enterDirectory } from '../host/enter-directory.ts';
import { exitStatus } from '../policy/refusals.ts';
import { fail } from './server-common.ts';

/**
 * The state is the proxy's: this process becomes its user before it touches that; nobody but root and that user can.
 *
 * @param work opens what it needs; what it throws is said
 */
export function inStateOfProxy(config: string | undefined, work: (proxy: ProxySettings) => void): void {
  const loaded = loadConfig(config, undefined, 'proxy');
  if (loaded.kind === 'broken') {
    for (const problem of loaded.problems) fail(formatProblem(problem), exitStatus.config);
    return;
  }
  const { proxy } = loaded.config;
  const fault = enterDirectory(proxy.stateDirectory);
  if (fault !== undefined) {
    fail(`${fault}; the proxy makes it when it starts`, exitStatus.noPermission);
    return;
  }
  try {
    work(proxy);
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
  }
}
