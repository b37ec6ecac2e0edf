import type { FactorCheck } from '../factors.ts';
import type { PendingLogins } from '../pending-logins.ts';
import type { Sessions } from '../sessions.ts';
import type { People, Person, Role } from '../store/people.ts';
import type { Verdict } from '../verdict.ts';
import type { Answer, Endpoint } from './endpoint.ts';
import { failed, success } from './envelope.ts';
import { parseFields } from './fields.ts';
import { reasons } from './reasons.ts';

export interface TfaPorts {
  readonly people: People;
  readonly pending: PendingLogins;
  readonly sessions: Sessions;
  readonly factor: FactorCheck;
  readonly now: () => number;
}

/** POST /auth/tfa: the second factor of a person whose password was right. */
export function tfa(ports: TfaPorts): Endpoint {
  return async ({ body, peer, gone }) => {
    const { pending, people, now } = ports;
    const fields = parseFields(body, ['token', 'tfaMethod', 'totpCode', 'intent']);
    if (fields === undefined) return { envelope: failed('invalid request', '', null), audit: {} };
    const { token, intent, totpCode } = fields;
    if (!intents.includes(intent)) return { envelope: failed('unsupported login', 'TfaHandler'), audit: {} };

    const login = pending.take(token, now());
    if (login === undefined) return refusal('invalid token');
    if (login.intent !== intent) return refusal('Spoofed login');
    const person = people.byId(login.person);
    if (person === undefined || !person.enabled) return refusal('unable to verify user');

    const method = fields.tfaMethod.toLowerCase();
    if (method === 'u2fy') return refusal('U2FY_FAILED', person); // security keys: not here
    // An empty code means push to the factor check, and must not when a code was announced.
    const code = method === 'totp' ? totpCode || 'none' : '';
    const verdict = await ports.factor(dashboardLogin(person, code, peer), gone);
    if (verdict.kind !== 'verified') return refusal(reasonOf(verdict, method), person, verdict);
    // A push waits for a minute: the person may have been disabled meanwhile.
    if (people.byId(person.id)?.enabled !== true) return refusal('unable to verify user', person);
    if (!pending.close(token)) return refusal('invalid token', person);

    const audit = { person: person.email, factor: verdict.factor, device: verdict.device };
    if (intent !== 'AUTH_REQ_DASH_LOGIN') return { envelope: success('', intent), audit };
    const { cookie, csrf } = ports.sessions.open(person.id, verdict.device, now());
    return {
      envelope: success('', 'DashboardLogin', [{ user: userOf(person), CSRFToken: csrf }]),
      setCookie: `X-SESSION=${cookie}; Path=/; HttpOnly; Secure; SameSite=Strict`,
      audit,
    };
  };
}

/** Those that the original takes. */
const intents: readonly string[] = [
  'AUTH_REQ_DASH_LOGIN',
  'AUTH_REQ_CHANGE_PASS',
  'AUTH_REQ_ENROL_DEVICE',
  'AUTH_REQ_FORGOT_PASS',
  'AUTH_HTTP_ACCESS_PROXY',
  'AUTH_REQ_TFA_DH',
];

function dashboardLogin(person: Person, code: string, peer: string): Parameters<FactorCheck>[0] {
  const unknown = { attempt: '', pushNumber: '', command: '', keyFingerprint: '', door: '', tty: '' };
  return {
    person,
    service: { name: 'Dashboard', hostname: '' },
    question: { account: '', trasaID: person.email, code, clientAddress: peer, ...unknown },
  };
}

/** The original says `TOTP failed` whatever was wrong with a code. */
function reasonOf(verdict: Exclude<Verdict, { kind: 'verified' }>, method: string): string {
  if (verdict.kind !== 'refused') return reasons['internal-error'];
  const aboutTheCode: readonly string[] = ['wrong-code', 'replayed-code', 'not-enrolled'];
  return method === 'totp' && aboutTheCode.includes(verdict.reason) ? 'TOTP failed' : reasons[verdict.reason];
}

function refusal(reason: string, person?: Person, verdict?: Verdict): Answer {
  const detail = verdict?.kind === 'refused' ? verdict.reason : undefined;
  return { envelope: failed(reason, 'Dashboard Login'), audit: { person: person?.email, detail } };
}

const roles: Readonly<Record<Role, string>> = { admin: 'orgAdmin', user: 'selfUser' };

/** The fields of the original's user that this server has. */
function userOf(person: Person): object {
  return {
    ID: person.id,
    userName: person.username ?? '',
    email: person.email,
    status: person.enabled,
    userRole: roles[person.role],
    idpName: 'trasa',
  };
}
