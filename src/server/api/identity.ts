import { createHash } from 'node:crypto';
import { Secret } from '../../otp/secret.ts';
import { verifyPassword } from '../password.ts';
import type { PendingLogins } from '../pending-logins.ts';
import type { Guesses } from '../store/guesses.ts';
import { normalName, type People, type Person } from '../store/people.ts';
import type { PushDevices } from '../store/push-devices.ts';
import type { TotpCredentials } from '../store/totp-credentials.ts';
import type { Turnstile } from '../turnstile.ts';
import type { Answer, Endpoint } from './endpoint.ts';
import { failed, success } from './envelope.ts';
import { parseFields } from './fields.ts';

export interface IdentityPorts {
  readonly people: People;
  readonly credentials: TotpCredentials;
  readonly devices: PushDevices;
  readonly guesses: Guesses;
  readonly pending: PendingLogins;
  readonly turnstile: Turnstile;
  readonly now: () => number;
}

/**
 * POST /auth/identity: a person's password.
 *
 * Anybody can ask here, so that who exists must not be learnt: unlike the original, a person who is unknown or has no
 * password is answered like a wrong password, after the same work, and *disabled* is said only to the right password.
 */
export function identity(ports: IdentityPorts): Endpoint {
  return async ({ body }) => {
    const fields = parseFields(body, ['email', 'password', 'orgId', 'idpName', 'intent']);
    if (fields === undefined) return { envelope: failed('invalid request', '', null), audit: {} };
    const { email, password, intent } = fields;
    const known = ports.people.find(email);
    if (password.length > maxPasswordLength) return refusal('invalid username or password', known);

    const who = known?.id ?? digest(normalName(email));
    const result = await ports.turnstile.pass(who, () =>
      checkPassword(ports, who, new Secret(password), known?.password),
    );
    if (result !== 'right')
      return refusal(result === undefined ? 'too many logins, try again later' : says[result], known);

    const person = ports.people.find(email); // again: an administrator may have been quicker than scrypt
    if (person === undefined) return refusal('invalid username or password', known);
    if (!person.enabled) return refusal('User Disabled', known);
    const audit = { person: person.email };

    // The original hands out a token or a TOTP secret with these two; here both are an administrator's work.
    if (password === 'changeme') return { envelope: success('change default password', 'AUTH_RESP_RESET_PASS'), audit };
    if (ports.credentials.ofPerson(person.id).length + ports.devices.ofPerson(person.id).length === 0)
      return { envelope: success('enrol device', 'AUTH_RESP_ENROL_DEVICE'), audit };

    const token = ports.pending.open({ person: person.id, intent }, ports.now());
    return { envelope: success('second step verification required', 'AUTH_RESP_TFA_REQUIRED', [token]), audit };
  };
}

/** What nobody is called is kept in the throttle for a while, and so not as it was typed: it may be a password. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}

/** Bounds the work of hashing; longer than anybody's. */
const maxPasswordLength = 1024;

const says = { wrong: 'invalid username or password', held: 'too many wrong passwords, try again later' } as const;

async function checkPassword(
  { guesses, now }: IdentityPorts,
  who: string,
  password: Secret,
  kept: string | undefined,
): Promise<'right' | keyof typeof says> {
  if (guesses.held('password', who, now())) return 'held';
  if (await verifyPassword(password, kept)) {
    guesses.right('password', who);
    return 'right';
  }
  guesses.wrong('password', who, now());
  return 'wrong';
}

/** A name that is nobody's is not logged: it may be a password in the wrong field. */
function refusal(reason: string, known: Person | undefined): Answer {
  return { envelope: failed(reason, 'Dashboard Login', null), audit: { person: known?.email } };
}
