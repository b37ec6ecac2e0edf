/** What the access proxies of this server have to know, but for secrets. */
import { publicKeyLine } from '../ssh/key-line.ts';
import type { CatalogueMessage } from '../trasa/catalogue.ts';
import { bareHostname } from './bare-hostname.ts';
import type { CaName, ServerCas } from './server-cas.ts';
import type { ServerState } from './state/open-state.ts';
import type { Grant } from './store/access.ts';
import type { Service } from './store/services.ts';

export type CatalogueSource = Pick<ServerState, 'people' | 'groups' | 'keys' | 'services' | 'access' | 'vault' | 'cas'>;

/** The same state makes the same text: disabled people are nowhere in it, nor services that are not behind a proxy. */
export function catalogueOf(state: CatalogueSource, now: number): CatalogueMessage {
  const people = state.people.all().filter(({ enabled }) => enabled);
  const emails = new Map(people.map(({ id, email }) => [id, email]));
  const groups = state.groups.all();
  const holders = new Map([...emails, ...groups.map(({ id, name }) => [id, `@${name}`] as const)]);
  const behind = state.services.all().filter(({ address }) => address !== undefined);
  const services = new Map(behind.map(service => [service.id, service]));
  const kept = state.vault.all();
  const [host, system] = [trustIn(state.cas, 'host', now), trustIn(state.cas, 'system', now)];
  return {
    version: 1,
    services: behind.map(service => {
      const accounts = kept.filter(entry => entry.service === service.id).map(({ account }) => account);
      return serviceOf(service, accounts);
    }),
    policies: state.access.all().flatMap(grant => {
      const [holder, service] = [holders.get(grant.holder.id), services.get(grant.service)];
      return holder === undefined || service === undefined ? [] : [policyOf(grant, holder, service)];
    }),
    groups: Object.fromEntries(
      groups.map(({ id, name }) => [name, state.groups.membersOf(id).flatMap(person => emails.get(person) ?? [])]),
    ),
    usernames: Object.fromEntries(
      people.flatMap(({ username, email }) => (username === undefined ? [] : [[username, email]])),
    ),
    keys: Object.fromEntries(
      state.keys.all().flatMap(({ fingerprint, person }) => {
        const email = emails.get(person);
        return email === undefined ? [] : [[fingerprint, email]];
      }),
    ),
    hostCAs: host.keys,
    systemCAs: system.keys,
    krls: [...host.krls, ...system.krls],
  };
}

function serviceOf(service: Service, vault: readonly string[]): CatalogueMessage['services'][number] {
  const { id, name, hostname, hostKey, address = '', record } = service;
  const [, host = '', port] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? [];
  return {
    id,
    name,
    host,
    port: Number(port),
    certifiedAs: bareHostname(hostname) ?? '',
    hostKeys: hostKey === undefined ? [] : [hostKey],
    record,
    vault: vault.toSorted(),
  };
}

function policyOf(grant: Grant, holder: string, { name, record }: Service): CatalogueMessage['policies'][number] {
  const { account, tfaRequired, networks, hours, timeZone, lastDay = '', session } = grant;
  return {
    holder,
    service: name,
    account,
    tfa: tfaRequired,
    networks,
    hours,
    timeZone,
    lastDay,
    session: { ...session, record: session.record || record },
  };
}

/** A CA counts only together with the list of what it has revoked. */
function trustIn(cas: ServerCas, name: CaName, now: number): { readonly keys: string[]; readonly krls: string[] } {
  const [keys, krl] = [cas.publicKeys(name, now), cas.krl(name)];
  if (keys.kind !== 'done' || krl.kind !== 'done') return { keys: [], krls: [] };
  return { keys: keys.value.map(key => publicKeyLine(key)), krls: [krl.value.toString('base64')] };
}
