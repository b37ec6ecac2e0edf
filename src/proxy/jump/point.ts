import type { ProxyService, ServiceIdentity } from '../../config/config.ts';
import { jumpName } from '../../config/proxy-options.ts';
import { type Grant, usualGrant } from '../../policy/grant.ts';

/**
 * What stands where a login names its service, for whoever comes to jump: the proxy itself, as the TRASA server knows it
 * by the service ID at the top of the configuration.
 */
export function jumpPoint({ serviceID, serviceKey }: Omit<ServiceIdentity, 'name'>): ServiceIdentity {
  return { name: jumpName, serviceID, serviceKey };
}

export function isService(place: ProxyService | ServiceIdentity): place is ProxyService {
  return 'host' in place;
}

/** Nothing passes but what each destination grants. */
export const jumpGrant: Grant = { ...usualGrant(false), rule: jumpName, shell: false, fileTransfer: false };
