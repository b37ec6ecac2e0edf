import { isDay, isTimeZone, parseHours } from '../../policy/hours.ts';
import { parseNetwork } from '../../ssh/source-address.ts';
import type { ServerState } from '../state/open-state.ts';
import { type Grant, type Holder, normalAccount } from '../store/access.ts';
import { findGroup } from './groups.ts';
import { findPerson } from './people.ts';
import { done, failure, type Result } from './result.ts';
import { findService } from './services.ts';
import { type SessionRequest, sayTerms, sessionTerms } from './session-terms.ts';

/** As it is typed. */
export interface GrantRequest extends SessionRequest {
  /** A person, or a group as `@name`. */
  readonly who: string;
  readonly service: string;
  readonly account: string;
  readonly tfa: boolean;
  readonly fromIp: readonly string[];
  readonly hours: string;
  readonly timeZone: string;
  readonly expires: string | undefined;
}

export function grantAccess(state: ServerState, request: GrantRequest): Result<Grant> {
  const holder = findHolder(state, request.who);
  if (holder.kind === 'failed') return holder;
  const service = findService(state, request.service);
  if (service.kind === 'failed') return service;
  const account = findAccount(request.account);
  if (account.kind === 'failed') return account;
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
  const session = sessionTerms(request);
  if (session.kind === 'failed') return session;
  const grant: Grant = {
    holder: holder.value,
    service: service.value.id,
    account: account.value,
    tfaRequired: request.tfa,
    networks: parsed.filter(network => network !== undefined),
    hours: request.hours.trim(),
    timeZone: request.timeZone,
    lastDay: request.expires,
    session: session.value,
  };
  state.access.grant(grant);
  return done(grant);
}

export function revokeAccess(state: ServerState, who: string, serviceName: string, account: string): Result<void> {
  const holder = findHolder(state, who);
  if (holder.kind === 'failed') return holder;
  const service = findService(state, serviceName);
  if (service.kind === 'failed') return service;
  const isGone = state.access.revoke(holder.value, service.value.id, normalAccount(account));
  return isGone ? done(undefined) : failure(`${who} had no access to ${account} of ${serviceName}`);
}

/** One line per grant. */
export function listAccess(state: ServerState): string[] {
  const groups = new Map(state.groups.all().map(({ id, name }) => [id, `@${name}`]));
  return state.access.all().map(grant => {
    const terms = [
      grant.tfaRequired ? 'tfa' : 'no-tfa',
      ...(grant.networks.length === 0 ? [] : [`from ${grant.networks.join(',')}`]),
      ...(grant.hours === '' ? [] : [`${grant.hours} (${grant.timeZone})`]),
      ...(grant.lastDay === undefined ? [] : [`until ${grant.lastDay} (${grant.timeZone})`]),
      ...sayTerms(grant.session),
    ];
    const { kind, id } = grant.holder;
    const who = (kind === 'group' ? groups.get(id) : state.people.byId(id)?.email) ?? id;
    const where = state.services.byId(grant.service)?.name ?? grant.service;
    return `${who}\t${where}\t${grant.account}\t${terms.join('; ')}`;
  });
}

function findHolder(state: ServerState, who: string): Result<Holder> {
  const isGroup = who.startsWith('@');
  const found = isGroup ? findGroup(state, who.slice(1)) : findPerson(state, who);
  return found.kind === 'failed' ? found : done({ kind: isGroup ? 'group' : 'person', id: found.value.id });
}

/** Normalised, if it is the name of an account. */
export function findAccount(name: string): Result<string> {
  const account = normalAccount(name);
  return /^[^\s:/*?,!\p{Cc}]{1,256}$/u.test(account) ? done(account) : failure(`${name} is not the name of an account`);
}
