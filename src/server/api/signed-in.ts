import type { Session, Sessions } from '../sessions.ts';
import type { People, Person } from '../store/people.ts';
import type { Answer, Call, Endpoint } from './endpoint.ts';
import { failed } from './envelope.ts';

export interface SignedInPorts {
  readonly people: People;
  readonly sessions: Sessions;
  readonly now: () => number;
}

/** Who asks, in which session of the dashboard. */
export interface Caller {
  readonly person: Person;
  readonly session: Session;
}

export type PersonalEndpoint = (call: Call, caller: Caller) => Answer | Promise<Answer>;

/**
 * What only a person who has logged in to the dashboard may ask: with the cookie `X-SESSION`, and with the token in the
 * header `X-CSRF`, which a foreign page can neither read nor send. For GET too, as in the original.
 */
export function forPerson(ports: SignedInPorts, endpoint: PersonalEndpoint): Endpoint {
  return async call => {
    const caller = callerOf(ports, call);
    return caller === undefined ? noSession : await endpoint(call, caller);
  };
}

/** What only an administrator of the server may. The role is looked up each time: one that is taken away is gone. */
export function forAdmin(ports: SignedInPorts, endpoint: PersonalEndpoint): Endpoint {
  return forPerson(ports, async (call, caller) =>
    caller.person.role === 'admin' ? await endpoint(call, caller) : notAllowed(caller.person),
  );
}

function callerOf({ people, sessions, now }: SignedInPorts, { header }: Call): Caller | undefined {
  const session = sessions.find(cookieIn(header('cookie')), header('x-csrf'), now());
  const person = session === undefined ? undefined : people.byId(session.person);
  return session !== undefined && person?.enabled === true ? { person, session } : undefined;
}

/** Of several cookies of that name none counts: who sets one for a neighbouring host may not choose the session. */
function cookieIn(header: string): string {
  const found = header.split(';').flatMap(pair => /^\s*X-SESSION=([0-9a-f]{64})\s*$/.exec(pair)?.[1] ?? []);
  return found.length === 1 ? (found[0] ?? '') : '';
}

const noSession: Answer = {
  status: 403,
  envelope: failed('failed to verify token', 'SessionValidator', [null, null]),
  audit: {},
};

function notAllowed({ email }: Person): Answer {
  const intent = 'request validation. trying to elevate privilege??'; // the original's
  return { status: 403, envelope: failed('Permission denied', intent, null), audit: { person: email } };
}
