/** What keeps a proxy with this configuration from being one, as far as it can be known without starting it. */
import type { AgentConfig } from '../config/config.ts';
import { openVault } from './upstream/vault.ts';

/** Undefined: nothing. */
export function startTrouble(config: AgentConfig): string | undefined {
  const files = openVault(config.proxy.services.values());
  return leadsNowhere(config) ?? (typeof files === 'string' ? `${config.source}: ${files}` : undefined);
}

export function leadsNowhere({ source, proxy }: AgentConfig): string | undefined {
  return proxy.services.size > 0 || proxy.catalogue
    ? undefined
    : `${source}: there is no [proxy.services.NAME] and no catalogue = true: the proxy leads nowhere`;
}
