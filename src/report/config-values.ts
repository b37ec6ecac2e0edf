import type { AgentConfig } from '../config/config.ts';
import { Secret } from '../otp/secret.ts';
import { publicKeyLine } from '../ssh/key-line.ts';
import { isKeyType, type PublicKey } from '../ssh/public-key.ts';

/** The values that the configuration has, defaults included, as JSON without secrets. Its text, comments and all, stays out. */
export function configValues({ server, identity, ...config }: AgentConfig): string {
  const { people, keys, domain } = identity;
  const values = {
    ...config,
    // A Secret is `[secret]` in JSON. Of the proxy only the place is told, and of the authorities that there are some.
    server: { ...server, httpProxy: server.httpProxy?.host, ca: server.ca === undefined ? undefined : 'from caFile' },
    identity: { people: Object.fromEntries(people), keys: Object.fromEntries(keys), domain },
  };
  return JSON.stringify(values, plain, 1);
}

/** Maps as objects, and public keys as the one line that everybody knows them by. */
function plain(_name: string, value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries(value);
  return isPublicKey(value) ? publicKeyLine(value) : value;
}

function isPublicKey(value: unknown): value is PublicKey {
  if (typeof value !== 'object' || value === null || !('type' in value)) return false;
  return typeof value.type === 'string' && isKeyType(value.type);
}

/** What of a configuration is the proxy's. The services name the way to their host by its service, and not once more. */
export function proxyValues({ server, proxy, throttle, policy: { attempts, autopush, graceMs } }: AgentConfig): string {
  const services = [...proxy.services].map(
    ([name, { via, ...service }]) => [name, { ...service, via: via && `${via.account}@${via.service.name}` }] as const,
  );
  const { urls, serviceID, pins, insecureSkipVerify } = server;
  const values = {
    server: { urls, serviceID, pins, insecureSkipVerify, httpProxy: server.httpProxy?.host },
    policy: { attempts, autopush, graceMs },
    throttle,
    proxy: { ...proxy, services: new Map(services) },
  };
  return JSON.stringify(values, plain, 1);
}

/** The secrets in it, for scrub(). */
export function configSecrets({ server, proxy: { services } }: AgentConfig): readonly Secret[] {
  const proxy = server.httpProxy;
  const words = proxy === undefined ? [] : [proxy.username, proxy.password, decodeURIComponent(proxy.password)];
  const keys = [...services.values()].map(({ serviceKey }) => serviceKey);
  return [server.serviceKey, ...keys, ...words.map(word => new Secret(word))];
}
