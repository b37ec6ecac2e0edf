import type { ServerSettings } from '../../src/config/config.ts';
import { Secret } from '../../src/otp/secret.ts';

/** Written where no secret may be: in outcomes, errors and their depths. */
export const serviceKey = 'k3y-that-nobody-may-see';
export const code = '492039';

/** Settings with deadlines that suit loopback. */
export function settingsFor(urls: URL | readonly URL[], changes: Partial<ServerSettings> = {}): ServerSettings {
  return {
    urls: urls instanceof URL ? [urls] : urls,
    serviceID: 'service-1',
    serviceKey: new Secret(serviceKey),
    ca: undefined,
    pins: [],
    insecureSkipVerify: false,
    httpProxy: undefined,
    connectTimeoutMs: 1_000,
    tlsTimeoutMs: 1_000,
    responseTimeoutMs: 1_000,
    pushTimeoutMs: 2_000,
    ...changes,
  };
}
