import type { ServerSettings } from '../../src/config/config.ts';
import { Secret } from '../../src/otp/secret.ts';

/** Written where no secret may be: in outcomes, errors and their depths. */
export const serviceKey = 'k3y-that-nobody-may-see';
export const code = '492039';

/** Settings with deadlines that nothing misses which is there: a test of what is late says one of its own. */
export function settingsFor(urls: URL | readonly URL[], changes: Partial<ServerSettings> = {}): ServerSettings {
  return {
    urls: urls instanceof URL ? [urls] : urls,
    serviceID: 'service-1',
    serviceKey: new Secret(serviceKey),
    ca: undefined,
    pins: [],
    insecureSkipVerify: false,
    httpProxy: undefined,
    connectTimeoutMs: 60_000,
    tlsTimeoutMs: 60_000,
    responseTimeoutMs: 60_000,
    pushTimeoutMs: 60_000,
    ...changes,
  };
}
