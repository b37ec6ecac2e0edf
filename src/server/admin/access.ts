import { isDay, isTimeZone, parseHours } from '../../policy/hours.ts';
import { parseNetwork } from '../../ssh/source-address.ts';
import type { ServerState } from '../state/open-state.ts';
import { type Grant, normalAccount } from '../store/access.ts';
import { findPerson } from './people.ts';
import { done, failure, type Result } from './result.ts';
import { findService } from './services.ts';

/** As it is typed. */
export interface GrantRequest {
  readonly person: string;
  readonly service: string;
  readonly account: string;
  readonly tfa: boolean;
  readonly fromIp: readonly string[];
  readonly hours: string;
  readonly timeZone: string;
  readonly expires: string | undefined;
}

export function grantAccess(state: ServerState, request: GrantRequest): Result<Grant> {
  const person = findPerson(state, request.person);
  if (person.kind === 'failed') return person;
  const service = findService(state, request.service);
  if (service.kind === 'failed') return service;
  const account = normalAccount(request.account);
  if (!/^[^\s:/\p{Cc}]{1,256}$/u.test(account)) return failure(`${request.account} is not the name of an account`);
  const networks = request.fromIp.flatMap(text => text.split(','));
  const parsed = networks.map(parseNetwork);
  const wrong = networks[parsed.indexOf(undefined)];
  if (wrong !== undefined) return failure(`${wrong} is not an address or CIDR block`);
  if (parseHours(request.hours) === undefined)
    return failure(`${request.hours} are not hours; say for example "Mon-Fri 08:00-18:00, Sat 10:00-12:00"`);
  if (!isTimeZone(request.timeZone))
    return failure(`${request.timeZone} is not a time zone; say for example Europe/Paris`);
  if (request.expires !== undefined && !isDay(request.expires))
    return failure(`${request.expires} is not a date; say the last day as YYYY-MM-DD`);
  const grant: Grant = {
    person: person.value.id,
    service: service.value.id,
    account,
    tfaRequired: request.tfa,
    networks: parsed.filter(network => network !== undefined),
    hours: request.hours.trim(),
    timeZone: request.timeZone,
    lastDay: request.expires,
  };
  state.access.grant(grant);
  return done(grant);
}

export function revokeAccess(state: ServerState, trasaID: string, serviceName: string, account: string): Result<void> {
  const person = findPerson(state, trasaID);
  if (person.kind === 'failed') return person;
  const service = findService(state, serviceName);
  if (service.kind === 'failed') return service;
  const isGone = state.access.revoke(person.value.id, service.value.id, normalAccount(account));
  return isGone ? done(undefined) : failure(`${trasaID} had no access to ${account} of ${serviceName}`);
}

/** One line per grant. */
export function listAccess({ access, people, services }: ServerState): string[] {
  return access.all().map(grant => {
    const terms = [
      grant.tfaRequired ? 'tfa' : 'no-tfa',
      ...(grant.networks.length === 0 ? [] : [`from ${grant.networks.join(',')}`]),
      ...(grant.hours === '' ? [] : [`${grant.hours} (${grant.timeZone})`]),
      ...(grant.lastDay === undefined ? [] : [`until ${grant.lastDay} (${grant.timeZone})`]),
    ];
    const who = people.byId(grant.person)?.email ?? grant.person;
    const where = services.byId(grant.service)?.name ?? grant.service;
    return `${who}\t${where}\t${grant.account}\t${terms.join('; ')}`;
  });
}
