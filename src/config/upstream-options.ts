/** How the proxy gets into a service's host: what each option alone allows, but all together do not. */
import { isIP } from 'node:net';
import type { ServiceOptions } from './proxy-options.ts';

/** In which order they are tried is the administrator's. */
export const upstreamCredentials = ['certificate', 'key', 'password', 'ask'] as const;
export type UpstreamCredential = (typeof upstreamCredentials)[number];

/** Only a host that has proved itself hears what the person types. */
export const usualCredentials: readonly UpstreamCredential[] = ['certificate', 'ask'];

/** A host of which no key is known: the person says whether it is the one, an administrator does, or nobody. */
export const firstUses = ['refuse', 'ask', 'hold'] as const;
export type FirstUse = (typeof firstUses)[number];

export interface Finding {
  readonly text: string;
  readonly hint?: string;
}

/** @param words as they stand in the file */
export function credentialFindings(words: readonly string[]): Finding[] {
  return words.flatMap((word, i) => {
    if (word === 'agent')
      return [{ text: 'credentials: agent cannot be one: clients offer their agent only when they are logged in' }];
    if (!isCredential(word)) return [{ text: 'credentials must be of "certificate", "key", "password" and "ask"' }];
    return words.indexOf(word) === i ? [] : [{ text: `credentials has ${word} twice` }];
  });
}

export function isCredential(word: string): word is UpstreamCredential {
  return upstreamCredentials.some(known => known === word);
}

export function upstreamFindings(service: ServiceOptions): Finding[] {
  return [...trustFindings(service), ...vaultFindings(service), ...wayFindings(service)];
}

function trustFindings({ hostCAs, hostKeys, firstUse }: ServiceOptions): Finding[] {
  if (firstUse === 'refuse')
    return hostCAs.length + hostKeys.length > 0
      ? []
      : [
          {
            text: 'has neither hostCA nor hostKey: nothing would prove the host',
            hint: 'as hostKey = "ssh-ed25519 AAAA…"',
          },
        ];
  if (hostKeys.length === 0) return [];
  return [{ text: `has hostKey, so that firstUse = "${firstUse}" means nothing`, hint: 'keep one' }];
}

function vaultFindings({ credentials, keyFile, passphraseFile, passwordFile }: ServiceOptions): Finding[] {
  const findings: Finding[] = [];
  for (const [word, option, file] of [
    ['key', 'keyFile', keyFile],
    ['password', 'passwordFile', passwordFile],
  ] as const)
    if (credentials.includes(word) !== (file !== ''))
      findings.push(
        file === ''
          ? { text: `needs ${option}: "${word}" is among its credentials` }
          : { text: `has ${option}, but no "${word}" among its credentials` },
      );
  if (passphraseFile !== '' && keyFile === '') findings.push({ text: 'has passphraseFile, but no keyFile' });
  return findings;
}

function wayFindings({ via, viaAccount }: ServiceOptions): Finding[] {
  return (via === '') === (viaAccount === '') ? [] : [{ text: 'needs both via and viaAccount, or none of them' }];
}

/** Hosts between the proxy and a service. */
export const maxHops = 4;

/** The names of services, and what is wrong with their way. */
export function pathFindings(services: ReadonlyMap<string, ServiceOptions>): (readonly [string, Finding])[] {
  return [...services].flatMap(([name, service]) => {
    const finding = pathFinding(name, service, services);
    return finding === undefined ? [] : [[name, finding] as const];
  });
}

function pathFinding(
  name: string,
  service: ServiceOptions,
  services: ReadonlyMap<string, ServiceOptions>,
): Finding | undefined {
  const way = [name];
  for (let { via } = service; via !== ''; ) {
    const next = services.get(via);
    if (next === undefined)
      return way.length === 1 ? { text: `via: there is no service ${JSON.stringify(via)}` } : undefined; // said there
    if (way.includes(via)) return { text: `via leads in a circle: ${[...way, via].join(', ')}` };
    way.push(via);
    if (way.length > maxHops + 1) return { text: `via leads over more than ${maxHops} hosts: ${way.join(', ')}` };
    ({ via } = next);
  }
  return unknownSource(service, services);
}

/** The certificate for a host names the address that it is used from. */
function unknownSource(
  { via, sourceAddress }: ServiceOptions,
  services: ReadonlyMap<string, ServiceOptions>,
): Finding | undefined {
  const next = services.get(via);
  if (next === undefined || next.via === '' || sourceAddress !== '' || isIP(next.host) !== 0) return undefined;
  return {
    text: `needs sourceAddress: it cannot be known from which address ${via} reaches it`,
    hint: 'as sourceAddress = "10.0.0.0/24"',
  };
}
