import { flag, optionValue } from '../ssh/cert-options.ts';
import type { Issuer } from './authority.ts';
import { issue } from './issue.ts';
import { type Bundle, filesOf, newKeyPair } from './key-pair.ts';
import { type CaResult, done } from './result.ts';
import { zip } from './zip.ts';

/** TRASA's: a day. */
const forSeconds = 86_400;

/**
 * A new key of a person and its certificate, as a zip of `id_rsa…`, with which they show the access proxy who they are.
 * Its one principal is their email: unlike TRASA's, which has none, it is nobody's account anywhere.
 *
 * @param device that proved the second factor; empty: none did
 */
export async function personBundle(
  issuer: Issuer,
  email: string,
  device: string,
  now: number,
): Promise<CaResult<Bundle>> {
  const pair = await newKeyPair('rsa', email);
  const names = { keyId: `trasa-key:${email}`, principals: [email], forSeconds };
  const options = { criticalOptions: new Map(), extensions: extensionsOf(device) };
  const issued = await issue(issuer, { key: pair.key, type: 'user', ...names, ...options }, now);
  if (issued.kind !== 'done') return issued;
  const { serial, certificate } = issued.value;
  return done({ serial, zip: zip(filesOf('id_rsa', pair, certificate), new Date(now)) });
}

/** TRASA's names, which unlike others' have no domain. Groups the access proxy knows from elsewhere. */
function extensionsOf(device: string): Map<string, Buffer> {
  return new Map([
    ['permit-pty', flag],
    ['trasa-device-id', optionValue(device)],
    ['trasa-user-groups', flag],
  ]);
}
