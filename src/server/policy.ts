import { parseHours, wallTime, withinHours } from '../policy/hours.ts';
import { withinNetworks } from '../ssh/source-address.ts';
import type { Grant } from './store/access.ts';
import type { RefusalReason } from './verdict.ts';

/**
 * Do the terms of a grant let the person in, now and from there? In the order of TRASA's own policy check: expiry,
 * address, hours. Undefined: nothing speaks against it.
 *
 * @param address the person's client as the asking host tells it; empty if it did not
 */
export function refusalOf(grant: Grant, now: number, address: string): RefusalReason | undefined {
  const here = wallTime(now, grant.timeZone);
  if (grant.lastDay !== undefined && here.date > grant.lastDay) return 'access-expired';
  if (grant.networks.length > 0 && !withinNetworks(grant.networks, address)) return 'foreign-address';
  const hours = parseHours(grant.hours);
  if (hours === undefined || !withinHours(hours, here)) return 'outside-hours';
  return undefined;
}
