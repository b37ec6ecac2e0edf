/** The keys that the proxy keeps of hosts, for an administrator: looked at, accepted, forgotten. */
import type { ProxySettings } from '../config/config.ts';
import { parsePublicKey } from '../ssh/public-key.ts';
import type { HostAddress, HostKeyStore, StoredHostKey } from '../store/host-keys.ts';
import { nameOf } from './upstream/trust.ts';

export interface KnownHost {
  readonly service: string;
  readonly address: string;
  readonly state: StoredHostKey['state'];
  /** `SHA256:… (ED25519)`. */
  readonly key: string;
  /** ISO 8601. */
  readonly since: string;
  readonly by: string;
}

type Services = ProxySettings['services'];

export function knownHosts(services: Services, store: HostKeyStore): KnownHost[] {
  return [...services.values()].flatMap(service =>
    store.keysOf(service).map(({ state, blob, since, by }) => ({
      service: service.name,
      address: addressText(service),
      state,
      key: nameOfBlob(blob),
      since: new Date(since).toISOString(),
      by,
    })),
  );
}

/** @returns what came of it, one line; as an error if nothing did */
export function acceptHostKey(
  services: Services,
  store: HostKeyStore,
  name: string,
  fingerprint: string,
  by: string,
  now: number,
): string | Error {
  const service = services.get(name);
  if (service === undefined) return new Error(`there is no service ${name}`);
  // Whoever is in between may have shown a key a moment ago: what is accepted is what was looked at.
  const found = store.keysOf(service).find(({ blob }) => nameOfBlob(blob).split(' ')[0] === fingerprint);
  if (found === undefined) return new Error(`no key ${fingerprint} of ${addressText(service)} waits`);
  if (service.firstUse === 'refuse')
    return new Error(`${name} goes by hostCA and hostKey alone: put the key into hostKey`);
  store.accept(service, found.blob, by, now);
  return `${addressText(service)} is known by ${nameOfBlob(found.blob)} from now on`;
}

export function forgetHostKeys(services: Services, store: HostKeyStore, name: string): string | Error {
  const service = services.get(name);
  if (service === undefined) return new Error(`there is no service ${name}`);
  const count = store.forget(service);
  return count === 0
    ? new Error(`no key of ${addressText(service)} is kept`)
    : `${addressText(service)}: ${count} ${count === 1 ? 'key' : 'keys'} forgotten; it is new again`;
}

function nameOfBlob(blob: Buffer): string {
  const key = parsePublicKey(blob);
  return key.kind === 'parsed' ? nameOf(key.value) : 'damaged';
}

export function addressText({ host, port }: HostAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
