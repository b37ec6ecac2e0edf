/** Ours, not TRASA's: what only an access proxy may ask, by the credentials of its own service (PROTOCOL.md, part 2). */
import { hash } from 'node:crypto';
import type { CatalogueMessage } from '../../trasa/catalogue.ts';
import { type CatalogueSource, catalogueOf } from '../catalogue.ts';
import { type Checks, entryInto, targetOf } from '../checks.ts';
import { normalAccount } from '../store/access.ts';
import type { Service, Services } from '../store/services.ts';
import type { Vault } from '../store/vault.ts';
import type { RefusalReason } from '../verdict.ts';
import type { Answer, Endpoint } from './endpoint.ts';
import { failed, success } from './envelope.ts';
import { parseFields } from './fields.ts';
import { reasons } from './reasons.ts';

export interface ProxyPorts extends CatalogueSource {
  readonly now: () => number;
}

/**
 * POST /api/v1/proxy/catalogue: services behind the proxy, policies, groups, keys of people, CAs. Whoever names the
 * revision that there is gets nothing but that.
 */
export function proxyCatalogue(ports: ProxyPorts): Endpoint {
  return ({ body }) => {
    const fields = parseFields(body, ['serviceID', 'serviceKey', 'known']);
    if (fields === undefined) return refusal(catalogueIntent, 'malformed');
    const proxy = proxyBy(ports.services, fields);
    if (typeof proxy === 'string') return refusal(catalogueIntent, proxy);
    const catalogue: CatalogueMessage = catalogueOf(ports, ports.now());
    const revision = hash('sha256', JSON.stringify(catalogue), 'base64url');
    const isKnown = fields.known === revision;
    return {
      envelope: success('', catalogueIntent, [{ revision, ...(!isKnown && { catalogue }) }]),
      audit: isKnown ? undefined : { service: proxy.name, detail: `revision ${revision}` }, // asked every minute
    };
  };
}

export interface VaultPorts extends Pick<Checks, 'people' | 'access' | 'now'> {
  readonly services: Services;
  readonly vault: Vault;
}

/**
 * POST /api/v1/proxy/vault: what opens an account of a service behind the proxy, for one login of a person who may enter
 * it now. The proxy has asked for the factor, perhaps a while ago; everything else is looked at again.
 */
export function proxyVault(ports: VaultPorts): Endpoint {
  return ({ body }) => {
    const fields = parseFields(body, [
      'serviceID',
      'serviceKey',
      'targetService',
      'user',
      'trasaID',
      'userIP',
      'attempt',
    ]);
    if (fields === undefined || !/^[!-~]{1,64}$/.test(fields.attempt)) return refusal(vaultIntent, 'malformed');
    const { attempt, trasaID, userIP: client } = fields;
    const account = normalAccount(fields.user);
    const about = { attempt, account, client, proxy: fields.serviceID };
    const proxy = proxyBy(ports.services, fields);
    if (typeof proxy === 'string') return refusal(vaultIntent, proxy, about);
    const service = fields.targetService === '' ? undefined : targetOf(ports.services, proxy, fields.targetService);
    if (service === undefined) return refusal(vaultIntent, 'service-credentials', about);
    const person = ports.people.find(trasaID);
    const known = { ...about, service: service.name, person: person?.email };
    if (person === undefined) return refusal(vaultIntent, 'unknown-person', known);
    if (!person.enabled) return refusal(vaultIntent, 'person-disabled', known);
    const entry = entryInto(ports, { person, service }, { account, clientAddress: client });
    if (typeof entry === 'string') return refusal(vaultIntent, entry, known);
    const found = ports.vault.open(service.id, account);
    const data = found === undefined ? { kind: 'none' } : { kind: found.kind, secret: found.secret.expose() };
    return {
      envelope: success('', vaultIntent, [{ attempt, ...data }]),
      audit: { ...known, detail: found === undefined ? 'nothing is kept' : `handed out the ${found.kind}` },
    };
  };
}

const catalogueIntent = 'proxy-catalogue';
const vaultIntent = 'proxy-vault';

/** Hosts have credentials of the same form: they get nothing here. */
function proxyBy(
  services: Services,
  { serviceID, serviceKey }: { readonly serviceID: string; readonly serviceKey: string },
): Service | RefusalReason {
  const service = services.authenticate(serviceID, serviceKey);
  if (service === undefined) return 'service-credentials';
  return service.kind === 'proxy' ? service : 'no-proxy';
}

function refusal(intent: string, reason: RefusalReason, about: Answer['audit'] = {}): Answer {
  return { envelope: failed(reasons[reason], intent, null), audit: { ...about, detail: reason } };
}
