/** What there is for people: the configuration's own and, where the server's catalogue is taken, what is in that. */
import type { AgentConfig, ProxyService } from '../../config/config.ts';
import { isJumpName } from '../../config/proxy-options.ts';
import { upstreamCredentials, usualCredentials } from '../../config/upstream-options.ts';
import { type EntryRule, type EntryRules, inOneSpelling } from '../../policy/entry-rules.ts';
import { usualGrant } from '../../policy/grant.ts';
import { parseHours } from '../../policy/hours.ts';
import { isPattern } from '../../policy/pattern.ts';
import type { Krl } from '../../ssh/krl.ts';
import type { PublicKey } from '../../ssh/public-key.ts';
import type { Catalogue, CataloguePolicy, CatalogueService } from '../../trasa/catalogue.ts';

export interface Offers {
  readonly services: ReadonlyMap<string, ProxyService>;
  readonly entry: EntryRules;
  /** `SHA256:…` → TRASA ID. */
  readonly keys: ReadonlyMap<string, string>;
  /** Whose certificates say who somebody is, and no more. */
  readonly systemCAs: readonly PublicKey[];
  readonly revoked: readonly Krl[];
  /** One name for each person, where the server knows two. In the spelling of inOneSpelling(). */
  readonly nameOf: (person: string) => string;
}

/** @param clash is told of what both have; the configuration's holds */
export function offersOf(config: AgentConfig, catalogue: Catalogue | undefined, clash: (text: string) => void): Offers {
  const { services, keys, entry, systemCAs } = config.proxy;
  if (catalogue === undefined) return { services, keys, entry, systemCAs, revoked: [], nameOf: person => person };
  for (const { name } of catalogue.services)
    if (isJumpName(name))
      clash(`service ${name} of the catalogue has the name that stands for ssh -J, and is not there`);
    else if (services.has(name)) clash(`service ${name} is in the configuration and in the catalogue`);
  for (const [print, person] of catalogue.keys)
    if ((keys.get(print) ?? person) !== person)
      clash(`key ${print} is one person's in the configuration, another's in the catalogue`);
  const listed = catalogue.services.filter(({ name }) => !services.has(name) && !isJumpName(name));
  const names = new Set(listed.map(({ name }) => name));
  const policies = catalogue.policies.filter(({ service }) => names.has(service));
  const nameOf = (person: string): string => catalogue.usernames.get(person) ?? person;
  const named = inTheirNames(entry, nameOf);
  const own = named.rules.length > 0 ? named.rules : [everybodyInto([...services.keys()])];
  return {
    services: new Map([...services, ...listed.map(one => [one.name, serviceOf(one, config)] as const)]),
    entry: { groups: named.groups, rules: [...own, ...policies.map(policy => ruleOf(policy, catalogue))] },
    keys: new Map([...catalogue.keys, ...keys]),
    systemCAs: [...systemCAs, ...catalogue.systemCAs],
    revoked: catalogue.krls,
    nameOf,
  };
}

/**
 * The offers of this moment, made anew when there is another catalogue. What the last one had revoked stays so without one:
 * who logs in just then was offered what was in it.
 */
export function liveOffers(
  config: AgentConfig,
  current: () => Catalogue | undefined,
  clash: (text: string) => void,
): () => Offers {
  let last: { readonly of: Catalogue | undefined; readonly offers: Offers } | undefined;
  return () => {
    const catalogue = current();
    if (last?.of !== catalogue || last === undefined) {
      const offers = offersOf(config, catalogue, clash);
      const { revoked } = catalogue === undefined ? (last?.offers ?? offers) : offers;
      last = { of: catalogue, offers: { ...offers, revoked } };
    }
    return last.offers;
  };
}

/** Whoever is in a policy by another name than they come by would fall to the next one. */
function inTheirNames({ groups, rules }: EntryRules, nameOf: Offers['nameOf']): EntryRules {
  return {
    groups: new Map([...groups].map(([name, members]) => [name, members.map(nameOf)])),
    rules: rules.map(rule => ({ ...rule, people: rule.people?.map(nameOf) })),
  };
}

/** Beside the rules of the catalogue the configuration's own services are as open as they are without any. */
function everybodyInto(services: readonly string[]): EntryRule {
  return {
    name: 'usual',
    people: undefined,
    groups: undefined,
    services,
    accounts: undefined,
    hours: parseHours('') ?? { spans: [] },
    timeZone: 'UTC',
    lastDay: undefined,
    networks: '',
    grant: usualGrant(false),
  };
}

function serviceOf(service: CatalogueService, { server }: AgentConfig): ProxyService {
  const { id, vault, ...facts } = service;
  const { serviceID, serviceKey } = server;
  return {
    ...facts,
    serviceID,
    serviceKey,
    listed: { id, vault },
    firstUse: 'refuse',
    credentials: vault.length === 0 ? usualCredentials : upstreamCredentials,
    keyFile: '',
    passphraseFile: '',
    passwordFile: '',
    via: undefined,
    sourceAddress: '',
  };
}

/** All names are matched as patterns, and none of the server's is one. */
function ruleOf(policy: CataloguePolicy, { groups }: Catalogue): EntryRule {
  const { holder, service, account, tfa, networks, hours, timeZone, lastDay, session } = policy;
  const people = holder.startsWith('@') ? (groups.get(holder.slice(1)) ?? []) : [holder];
  const rule = `${holder} ${account}@${service}`;
  return {
    name: rule,
    people: people.map(inOneSpelling).filter(isPlain),
    groups: undefined,
    services: [service],
    accounts: [account].filter(isPlain),
    hours,
    timeZone,
    lastDay,
    networks: networks.join(','),
    grant: { ...session, rule, secondFactor: tfa ? 'required' : 'not-required' },
  };
}

function isPlain(name: string): boolean {
  return !isPattern(name);
}
