/** START HERE: may this person enter this account of this service? In the order of TRASA's server, exactly. */
import type { FactorCheck } from './factors.ts';
import { refusalOf } from './policy.ts';
import type { AccessMap } from './store/access.ts';
import type { People, Person } from './store/people.ts';
import type { Service, Services } from './store/services.ts';
import { refused, type Verdict } from './verdict.ts';

/** What a host asks, in our words. Everything but the service's credentials is the host's claim. */
export interface LoginQuestion {
  readonly serviceID: string;
  readonly serviceKey: string;
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

  const service = checks.services.authenticate(question.serviceID, question.serviceKey);
  if (service === undefined) return { verdict: refused('service-credentials') };

  if (service.passthru && !checks.access.maps(service.id, account))
    return { verdict: { kind: 'not-required' }, service };

  const person = checks.people.find(question.trasaID);
  if (person === undefined) return { verdict: refused('unknown-person'), service };
  if (!person.enabled) return { verdict: refused('person-disabled'), service, person };

  // TRASA asks for the organisation here (INVALID_ORG_ID); this server holds one, to which every service belongs.

  const grant = checks.access.find(person.id, service.id, account);
  if (grant === undefined) return { verdict: refused('no-access'), service, person };
  const refusal = refusalOf(grant, checks.now(), question.clientAddress);
  if (refusal !== undefined) return { verdict: refused(refusal), service, person };
  return { verdict: grant.tfaRequired ? undefined : { kind: 'not-required' }, service, person };
}
