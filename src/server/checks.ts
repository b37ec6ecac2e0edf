/** START HERE: may this person enter this account of this service? In the order of TRASA's server, exactly. */
import type { FactorCheck } from './factors.ts';
import { refusalOf } from './policy.ts';
import type { AccessMap, Grant } from './store/access.ts';
import type { People, Person } from './store/people.ts';
import type { Service, Services } from './store/services.ts';
import { type RefusalReason, refused, type Verdict } from './verdict.ts';

/** What a host asks, in our words. Everything but the service's credentials is the host's claim. */
export interface LoginQuestion {
  readonly serviceID: string;
  readonly serviceKey: string;
  /** The ID of the service behind an access proxy; empty: it is about the one that asks. */
  readonly target: string;
  /** Normalised. */
  readonly account: string;
  readonly trasaID: string;
  /** Empty: a push. */
  readonly code: string;
  readonly clientAddress: string;
  /** Additive: for the push's text and for the log. Each may be empty. */
  readonly attempt: string;
  readonly pushNumber: string;
  readonly command: string;
  readonly keyFingerprint: string;
  readonly door: string;
  readonly tty: string;
}

export interface Checks {
  readonly services: Services;
  readonly people: People;
  readonly access: AccessMap;
  readonly factor: FactorCheck;
  readonly now: () => number;
}

/** A verdict with what was found out on the way, for the log. */
export interface Finding {
  readonly verdict: Verdict;
  readonly service?: Service | undefined;
  readonly person?: Person | undefined;
}

/** @param signal aborts when the host gives up; a waiting push is then cancelled */
export async function checkLogin(checks: Checks, question: LoginQuestion, signal: AbortSignal): Promise<Finding> {
  const before = lookUp(checks, question);
  const { service, person } = before;
  if (before.verdict !== undefined) return { ...before, verdict: before.verdict };

  const verdict = await checks.factor({ person: before.person, service: before.service, question }, signal);
  if (verdict.kind !== 'verified') return { verdict, service, person };

  // A push waits for a minute. Whoever was disabled or lost the access meanwhile does not come in.
  const after = lookUp(checks, question);
  return { verdict: after.verdict?.kind === 'refused' ? after.verdict : verdict, service, person };
}

/** Undecided: everything is in order, but for the factor. */
type LookedUp =
  | (Finding & { readonly verdict: Verdict })
  | { readonly verdict: undefined; readonly service: Service; readonly person: Person };

function lookUp(checks: Checks, question: LoginQuestion): LookedUp {
  const { account } = question;

  const asker = checks.services.authenticate(question.serviceID, question.serviceKey);
  const service = asker === undefined ? undefined : targetOf(checks.services, asker, question.target);
  if (service === undefined) return { verdict: refused('service-credentials') };

  if (service.passthru && !checks.access.maps(service.id, account))
    return { verdict: { kind: 'not-required' }, service };

  const person = checks.people.find(question.trasaID);
  if (person === undefined) return { verdict: refused('unknown-person'), service };
  if (!person.enabled) return { verdict: refused('person-disabled'), service, person };

  // TRASA asks for the organisation here (INVALID_ORG_ID); this server holds one, to which every service belongs.

  const entry = entryInto(checks, { person, service }, question);
  if (typeof entry === 'string') return { verdict: refused(entry), service, person };
  return { verdict: entry.tfaRequired ? undefined : { kind: 'not-required' }, service, person };
}

/** The service that a question is about: the one that asks, or one behind it that an access proxy names by its ID. */
export function targetOf(services: Services, asker: Service, target: string): Service | undefined {
  if (target === '') return asker;
  const service = asker.kind === 'proxy' ? services.byId(target) : undefined;
  return service?.address === undefined ? undefined : service;
}

/** The grant that lets this person into the account, now and from there; else why none does. */
export function entryInto(
  { access, now }: Pick<Checks, 'access' | 'now'>,
  { person, service }: { readonly person: Person; readonly service: Service },
  { account, clientAddress }: Pick<LoginQuestion, 'account' | 'clientAddress'>,
): Grant | RefusalReason {
  const grant = access.find(person.id, service.id, account);
  return grant === undefined ? 'no-access' : (refusalOf(grant, now(), clientAddress) ?? grant);
}
