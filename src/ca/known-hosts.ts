import { publicKeyLine } from '../ssh/key-line.ts';
import type { PublicKey } from '../ssh/public-key.ts';
import { type CaResult, done, refused } from './result.ts';

/**
 * The lines of ssh_known_hosts (sshd(8)) by which clients trust the Host CAs for the hosts of `patterns`.
 *
 * @param any a pattern for every host there is is meant
 */
export function knownHostsLines(
  cas: readonly PublicKey[],
  patterns: readonly string[],
  any: boolean,
): CaResult<string> {
  const bad = patterns.find(pattern => !/^!?[A-Za-z0-9*?:._[\]-]+$/.test(pattern));
  if (bad !== undefined) return refused(`${JSON.stringify(bad)} is not a pattern of host names, such as *.example.com`);
  const wide = patterns.find(pattern => !/[A-Za-z0-9]/.test(pattern));
  if (wide !== undefined && !any)
    return refused(`${wide} is every host, which only --any allows; name your domain: *.example.com`);
  return done(cas.map(ca => `@cert-authority ${patterns.join(',')} ${publicKeyLine(ca, 'trasa-agent')}\n`).join(''));
}
