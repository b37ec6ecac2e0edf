/** Stacks made by chance, and what the libpam of this host makes of them, on a private host. */
import { writeFileSync } from 'node:fs';
import { run } from '../helpers/e2e/background.ts';

/** Numbers from 0 up to `below`, by a seed (xorshift32, Marsaglia 2003). */
export function chance(seed: number): (below: number) => number {
  let state = seed | 1;
  return below => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** pam_strerror(3) of Linux-PAM, in the order of the codes' numbers. */
const sentences = [
  'Success',
  'Failed to load module',
  'Symbol not found',
  'Error in service module',
  'System error',
  'Memory buffer error',
  'Permission denied',
  'Authentication failure',
  'Insufficient credentials to access authentication data',
  'Authentication service cannot retrieve authentication info',
  'User not known to the underlying authentication module',
  'Have exhausted maximum number of retries for service',
  'Authentication token is no longer valid; new one required',
  'User account has expired',
  'Cannot make/remove an entry for the specified session',
  'Authentication service cannot retrieve user credentials',
  'User credentials expired',
  'Failure setting user credentials',
  'No module specific data is present',
  'Conversation error',
  'Authentication token manipulation error',
  'Authentication information cannot be recovered',
  'Authentication token lock busy',
  'Authentication token aging disabled',
  'Failed preliminary check by password service',
  'The return value should be ignored by PAM dispatch',
  'Critical error - immediate abort',
  'Authentication token expired',
  'Module is unknown',
  'Bad item passed to pam_*_item()',
  'Conversation is waiting for event',
  'Application needs to call libpam again',
];

/** @param services names and texts of their files */
export function writeServices(services: ReadonlyMap<string, string>): void {
  for (const [name, text] of services) writeFileSync(`/etc/pam.d/${name}`, text);
}

/**
 * Writes them too. The number of the code that each service gives, asked of libpam by pamtester: -1 if libpam refuses to begin.
 */
export async function askLibpam(services: ReadonlyMap<string, string>, operation: string): Promise<number[]> {
  writeServices(services);
  const names = [...services.keys()];
  // pam_debug tells what it returns on stdout, before pamtester does.
  const script = `for s; do pamtester "$s" root ${operation} 2>&1 </dev/null | grep ^pamtester: || echo "nothing about $s"; done`;
  const { stdout } = await run(['sh', '-c', script, 'sh', ...names]);
  const said = stdout.split('\n').slice(0, -1);
  if (said.length !== names.length) throw new Error(`${said.length} answers for ${names.length} services`);
  return said.map(line => {
    const sentence = line.replace(/^pamtester: /, '').trim();
    if (/^successfully|^account management done/.test(sentence)) return 0;
    if (sentence === 'Initialization failure' || sentence === 'Critical error - immediate abort') return -1;
    const code = sentences.indexOf(sentence);
    if (code === -1) throw new Error(`pamtester says: ${line}`);
    return code;
  });
}
