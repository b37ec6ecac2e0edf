/** A catalogue as a server sends it. */
import { usualTerms } from '../../src/policy/session-terms.ts';
import { type Catalogue, type CatalogueMessage, parseCatalogue } from '../../src/trasa/catalogue.ts';

export const policy: CatalogueMessage['policies'][number] = {
  holder: 'alice@example.com',
  service: 'db1',
  account: 'alice',
  tfa: true,
  networks: [],
  hours: '',
  timeZone: 'UTC',
  lastDay: '',
  session: usualTerms(),
};

export const service: CatalogueMessage['services'][number] = {
  id: 'service-1',
  name: 'db1',
  host: '10.0.0.7',
  port: 22,
  certifiedAs: 'db1.example.com',
  hostKeys: [],
  record: false,
  vault: [],
};

/** db1, which alice may enter as herself. */
export function message(more: Partial<CatalogueMessage> = {}): CatalogueMessage {
  return {
    version: 1,
    services: [service],
    policies: [policy],
    groups: {},
    usernames: { alice: 'alice@example.com' },
    keys: {},
    hostCAs: [],
    systemCAs: [],
    krls: [],
    ...more,
  };
}

export function catalogue(more: Partial<CatalogueMessage> = {}): Catalogue {
  const parsed = parseCatalogue(message(more));
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
}
