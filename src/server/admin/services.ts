import type { CaResult } from '../../ca/result.ts';
import { isJumpName } from '../../config/proxy-options.ts';
import { publicKeyLine } from '../../ssh/key-line.ts';
import type { PublicKey } from '../../ssh/public-key.ts';
import type { ServerState } from '../state/open-state.ts';
import type { NewService, Service, ServiceFacts, ServiceKind } from '../store/services.ts';
import { done, failure, type Result } from './result.ts';

export function addService(
  { services }: ServerState,
  name: string,
  hostname: string,
  passthru: boolean,
  now: number,
  kind: ServiceKind = 'host',
): Result<NewService> {
  if (!/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,63}$/u.test(name)) return failure(`${name} is not a name for a service`);
  if (!isHostname(hostname)) return failure(`${hostname} is not a host name`);
  const added = services.add(name, hostname, passthru, now, kind);
  return added === undefined ? failure(`there is a service ${name} already`) : done(added);
}

/** As it is typed; undefined: it stays as it is. */
export interface ServiceChange {
  readonly hostname?: string | undefined;
  /** Empty: it is behind no access proxy. */
  readonly address?: string | undefined;
  /** `none`: no key is pinned. */
  readonly hostKey?: CaResult<PublicKey> | 'none' | undefined;
  readonly record?: boolean | undefined;
}

export function changeService(state: ServerState, nameOrId: string, change: ServiceChange): Result<Service> {
  const service = findService(state, nameOrId);
  if (service.kind === 'failed') return service;
  const { id, name, kind } = service.value;
  const facts = factsOf(service.value, change);
  if (facts.kind === 'failed') return facts;
  if (facts.value.address !== undefined) {
    if (kind === 'proxy') return failure(`${name} is an access proxy itself`);
    if (isJumpName(name))
      return failure(`${name} is the word for ssh -J at an access proxy, and no service's name there`);
    // People type it behind their account.
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name))
      return failure(`${name} cannot be said to an access proxy: only letters, digits, dots and dashes can`);
  }
  state.services.change(id, facts.value);
  return done({ ...service.value, ...facts.value });
}

export function findService({ services }: ServerState, nameOrId: string): Result<Service> {
  const service = services.find(nameOrId);
  return service === undefined ? failure(`there is no service ${nameOrId}`) : done(service);
}

/** The old key stops working at once; returns the new one. */
export function rotateServiceKey(state: ServerState, nameOrId: string): Result<NewService> {
  const service = findService(state, nameOrId);
  if (service.kind === 'failed') return service;
  return done({ service: service.value, key: state.services.rotateKey(service.value.id) });
}

function factsOf(present: Service, change: ServiceChange): Result<ServiceFacts> {
  const { hostname = present.hostname, address = present.address, record = present.record } = change;
  if (!isHostname(hostname)) return failure(`${hostname} is not a host name`);
  const at = address === undefined || address === '' ? undefined : parseServiceAddress(address);
  if (address !== undefined && address !== '' && at === undefined)
    return failure(`${address} is not an address; say host or host:port, with IPv6 in brackets`);
  const hostKey = change.hostKey === undefined ? done(present.hostKey) : pinOf(change.hostKey);
  if (hostKey.kind === 'failed') return hostKey;
  return done({ hostname, hostKey: hostKey.value, address: at, record });
}

function pinOf(key: CaResult<PublicKey> | 'none'): Result<string | undefined> {
  if (key === 'none') return done(undefined);
  return key.kind === 'done' ? done(publicKeyLine(key.value)) : failure(key.text);
}

function isHostname(text: string): boolean {
  return /^[\w.:-]{0,253}$/.test(text);
}

/** `host:port` in one spelling; undefined if it is no address. */
function parseServiceAddress(text: string): string | undefined {
  const [, host, port = '22'] =
    /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_][A-Za-z0-9._-]{0,252})(?::(\d{1,5}))?$/.exec(text) ?? [];
  return host === undefined || Number(port) > 65_535 || Number(port) === 0 ? undefined : `${host}:${Number(port)}`;
}
