import { join } from 'node:path';
import type { Clock } from '../../auth/ports.ts';
import type { AgentConfig } from '../../config/config.ts';
import type { ProxyLog } from '../log.ts';
import type { Servers } from '../service.ts';
import { CatalogueKeeper } from './keeper.ts';
import { liveOffers, type Offers } from './offers.ts';

export interface OpenOffers {
  /** Of this moment: ask again for each login. */
  readonly now: () => Offers;
  readonly stop: () => void;
}

/** With a catalogue this asks the server once before it returns, and then every minute. */
export async function openOffers(
  config: AgentConfig,
  servers: Pick<Servers, 'catalogue'>,
  clock: Clock,
  log: ProxyLog,
): Promise<OpenOffers> {
  const keeper = config.proxy.catalogue ? keeperOf(config, servers, clock, log) : undefined;
  await keeper?.start();
  const now = liveOffers(
    config,
    () => keeper?.current,
    text => log.warn(text),
  );
  return { now, stop: () => keeper?.stop() };
}

function keeperOf(
  config: AgentConfig,
  servers: Pick<Servers, 'catalogue'>,
  clock: Clock,
  log: ProxyLog,
): CatalogueKeeper {
  return new CatalogueKeeper({
    ...placeOfCatalogue(config),
    maxAgeMs: config.proxy.catalogueMaxAgeMs,
    ask: async (known, signal) => await servers.catalogue(known, signal),
    clock,
    log,
  });
}

/** The file of the catalogue that was last taken, and of whom it has to be. */
export function placeOfCatalogue({ server, proxy }: AgentConfig): { readonly file: string; readonly source: string } {
  return {
    file: join(proxy.stateDirectory, 'catalogue.json'),
    source: [...server.urls.map(({ origin }) => origin), server.serviceID].join(' '),
  };
}
