import { cleanText } from '../../protocol/clean.ts';
import { type Checks, checkLogin, type Finding, type LoginQuestion } from '../checks.ts';
import { normalAccount } from '../store/access.ts';
import type { RefusalReason, Verdict } from '../verdict.ts';
import type { Answer, Endpoint } from './endpoint.ts';
import { type Envelope, failed, success } from './envelope.ts';
import { parseFields } from './fields.ts';
import { reasons } from './reasons.ts';

/** POST /auth/agent/nix: the second factor of a host's login. `tfaMethod` is ignored, as in the original. */
export function nix(checks: Checks): Endpoint {
  return async ({ body, gone }) => {
    const question = readQuestion(body);
    if (question === undefined) return { envelope: failed(reasons.malformed, agent), audit: {} };
    const finding = await checkLogin(checks, question, gone);
    return answer(question, finding);
  };
}

function readQuestion(body: Buffer): LoginQuestion | undefined {
  const fields = parseFields(body, [
    'serviceID',
    'serviceKey',
    'user',
    'trasaID',
    'totpCode',
    'userIP',
    'publicKey',
    ...additive,
    ...ignored,
  ]);
  if (fields === undefined || !isBase64(fields.publicKey) || !/^[!-~]{0,64}$/.test(fields.attempt)) return undefined;
  return {
    serviceID: fields.serviceID,
    serviceKey: fields.serviceKey,
    target: fields.targetService,
    account: normalAccount(fields.user),
    trasaID: fields.trasaID,
    code: fields.totpCode,
    clientAddress: fields.userIP,
    attempt: fields.attempt, // repeated to the letter, so it must be fit for a log as it is
    pushNumber: cleanText(fields.pushNumber, 16),
    command: cleanText(fields.command, 512),
    keyFingerprint: cleanText(fields.keyFingerprint, 128),
    door: cleanText(fields.door, 32),
    tty: cleanText(fields.tty, 64),
  };
}

/** What TRASA's API lacks; a real TRASA server ignores these (PROTOCOL.md, part 2). */
const additive = ['attempt', 'pushNumber', 'command', 'keyFingerprint', 'door', 'tty', 'targetService'] as const;
/** Accepted, and only checked for their type. */
const ignored = ['tfaMethod', 'workstation', 'hostname', 'sessionID', 'serviceType', 'orgID', 'password'] as const;

/** Go decodes `[]byte` from padded base64 and fails on anything else. */
function isBase64(text: string): boolean {
  return Buffer.from(text, 'base64').toString('base64') === text;
}

// The original answers the first two checks as "AgentLogin" and the later ones, mostly, as "agent-login".
const agent = 'AgentLogin';
const early: readonly RefusalReason[] = ['service-credentials', 'unknown-person', 'person-disabled'];

function answer(question: LoginQuestion, { verdict, service, person }: Finding): Answer {
  return {
    envelope: envelopeOf(verdict, dataOf(question, verdict)),
    audit: {
      service: service?.name,
      ...(question.target !== '' && { proxy: question.serviceID }),
      account: question.account,
      person: person?.email,
      client: question.clientAddress,
      attempt: question.attempt,
      ...(verdict.kind === 'verified' ? { factor: verdict.factor, device: verdict.device } : {}),
      ...(verdict.kind === 'refused' ? { detail: verdict.reason } : {}),
    },
  };
}

function envelopeOf(verdict: Verdict, data: Envelope['data']): Envelope {
  switch (verdict.kind) {
    case 'verified':
      return success('', 'agent-login', data);
    case 'not-required':
      return success('passthru authentication', 'agent-login', data);
    case 'refused':
      return failed(reasons[verdict.reason], early.includes(verdict.reason) ? agent : 'agent-login', data);
  }
}

/** The original's `[null]`, unless the host named its attempt and so shows that it reads more. */
function dataOf({ attempt, target }: LoginQuestion, verdict: Verdict): Envelope['data'] {
  if (attempt === '') return [null];
  return [
    {
      attempt,
      ...(target !== '' && { targetService: target }),
      ...(verdict.kind === 'refused' ? finer[verdict.reason] : undefined),
    },
  ];
}

/** What TRASA's reason does not tell apart. */
const finer: Readonly<Partial<Record<RefusalReason, object>>> = {
  'replayed-code': { code: 'replayed' },
  'push-refused': { push: 'refused' },
  'push-expired': { push: 'expired' },
  'push-cancelled': { push: 'cancelled' },
};
