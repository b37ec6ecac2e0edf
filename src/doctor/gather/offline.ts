import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from '../../system/run-program.ts';
import type { OfflineFacts } from '../facts.ts';

/**
 * What is prepared for the days without a server. It belongs to the daemon's user, and nothing there is read by root:
 * `trasa-agent offline status` becomes that user first.
 *
 * @param self this program, as it is started
 * @returns a string if it could not be looked at: why
 */
export async function gatherOffline(
  stateDirectory: string,
  configFile: string | undefined,
  [program = '', ...words]: readonly string[],
  run: typeof runProgram = runProgram,
): Promise<readonly OfflineFacts[] | string> {
  if (!existsSync(join(stateDirectory, 'offline.json'))) return [];
  const config = configFile === undefined ? [] : ['--config', configFile];
  const ran = await run(program, [...words, 'offline', 'status', '--json', ...config]);
  if (ran.kind === 'failed') return ran.why;
  if (ran.status !== 0) return ran.stderr.trim();
  const facts = ran.stdout
    .split('\n')
    .filter(line => line !== '')
    .map(factsIn);
  return facts.every(one => one !== undefined) ? facts : 'trasa-agent offline status says what is not understood';
}

function factsIn(line: string): OfflineFacts | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null) return undefined;
    const { account, factor, expires, left, digits } = { ...value } as Readonly<Record<string, unknown>>;
    const expiresMs = typeof expires === 'string' ? Date.parse(expires) : Number.NaN;
    if (typeof account !== 'string' || typeof factor !== 'string' || Number.isNaN(expiresMs)) return undefined;
    const numbers = { left: numberOr(left), digits: numberOr(digits) };
    return { account, factor, expiresMs, ...numbers };
  } catch {
    return undefined;
  }
}

function numberOr(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
