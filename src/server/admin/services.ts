import type { ServerState } from '../state/open-state.ts';
import type { NewService, Service } from '../store/services.ts';
import { done, failure, type Result } from './result.ts';

export function addService(
  { services }: ServerState,
  name: string,
  hostname: string,
  passthru: boolean,
  now: number,
): Result<NewService> {
  if (!/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,63}$/u.test(name)) return failure(`${name} is not a name for a service`);
  if (!/^[\w.:-]{0,253}$/.test(hostname)) return failure(`${hostname} is not a host name`);
  const added = services.add(name, hostname, passthru, now);
  return added === undefined ? failure(`there is a service ${name} already`) : done(added);
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
