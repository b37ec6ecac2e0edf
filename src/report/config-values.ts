import type { AgentConfig } from '../config/config.ts';
import { Secret } from '../otp/secret.ts';

/** The values that the configuration has, defaults included, as JSON without secrets. Its text, comments and all, stays out. */
export function configValues({ server, identity, ...config }: AgentConfig): string {
  const { people, keys, domain } = identity;
  const values = {
    ...config,
    // A Secret is `[secret]` in JSON. Of the proxy only the place is told, and of the authorities that there are some.
    server: { ...server, httpProxy: server.httpProxy?.host, ca: server.ca === undefined ? undefined : 'from caFile' },
    identity: { people: Object.fromEntries(people), keys: Object.fromEntries(keys), domain },
  };
  return JSON.stringify(values, undefined, 1);
}

/** The secrets in it, for scrub(). */
export function configSecrets({ server }: AgentConfig): readonly Secret[] {
  const proxy = server.httpProxy;
  const words = proxy === undefined ? [] : [proxy.username, proxy.password, decodeURIComponent(proxy.password)];
  return [server.serviceKey, ...words.map(word => new Secret(word))];
}
