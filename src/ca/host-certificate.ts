import type { PublicKey } from '../ssh/public-key.ts';
import type { Issuer } from './authority.ts';
import { type Issued, issue } from './issue.ts';
import { type CaResult, refused } from './result.ts';

/**
 * Certifies the key of a host for the names and addresses by which clients call it.
 *
 * @param keyId for logs and revocation; the first name, if nothing else is said
 */
export async function signHostKey(
  issuer: Issuer,
  key: PublicKey,
  names: readonly string[],
  forSeconds: number,
  now: number,
  keyId: string = names[0] ?? '',
): Promise<CaResult<Issued>> {
  const bad = names.find(name => !isHostName(name));
  if (bad !== undefined)
    return refused(`${JSON.stringify(bad)} is not the name of a host: lower case, as clients call it, without a port`);
  if (key.type.startsWith('sk-')) return refused('a security key is for people; sshd cannot use it');
  const options = { criticalOptions: new Map(), extensions: new Map() }; // none is defined for hosts
  return await issue(issuer, { key, type: 'host', keyId, principals: names, forSeconds, ...options }, now);
}

/** ssh compares in lower case, and takes * and ? for patterns, which would be good for hosts that nobody named. */
function isHostName(name: string): boolean {
  return /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?$/.test(name) || /^[0-9a-f:]*:[0-9a-f:.]*$/.test(name);
}
