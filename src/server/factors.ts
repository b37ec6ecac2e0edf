import { Secret } from '../otp/secret.ts';
import { verifyTotp } from '../otp/totp.ts';
import type { LoginQuestion } from './checks.ts';
import type { PushDesk, PushFacts } from './push/push-desk.ts';
import type { Guesses } from './store/guesses.ts';
import type { Person } from './store/people.ts';
import type { PushDevices } from './store/push-devices.ts';
import type { Service } from './store/services.ts';
import type { TotpCredentials } from './store/totp-credentials.ts';
import { refused, type Verdict } from './verdict.ts';

/** The second factor of a person for whom everything else is in order: a code, or a push if there is no code. */
export type FactorCheck = (request: FactorRequest, signal: AbortSignal) => Verdict | Promise<Verdict>;

export interface FactorRequest {
  readonly person: Person;
  readonly service: Pick<Service, 'name' | 'hostname'>;
  readonly question: Omit<LoginQuestion, 'serviceID' | 'serviceKey' | 'target'>;
}

export interface FactorPorts {
  readonly credentials: TotpCredentials;
  readonly devices: PushDevices;
  readonly guesses: Guesses;
  readonly desk: PushDesk;
  readonly now: () => number;
}

/** TRASA's window: one step to either side. */
const window = { past: 1, future: 1 } as const;

export function factorCheck(ports: FactorPorts): FactorCheck {
  return (request, signal) =>
    request.question.code === '' ? checkPush(ports, request, signal) : checkCode(ports, request);
}

/** Synchronous on purpose: nothing comes between the look at the throttle and the count. */
function checkCode({ credentials, guesses, now }: FactorPorts, { person, question }: FactorRequest): Verdict {
  const enrolled = credentials.ofPerson(person.id);
  if (enrolled.length === 0) return refused('not-enrolled');
  if (guesses.held('totp', person.id, now())) return refused('throttled');

  let replayed = false;
  for (const credential of enrolled) {
    const result = verifyTotp({ ...credential, code: new Secret(question.code), now: now(), window });
    if (result.kind === 'valid' && credentials.use(credential.id, result.step)) {
      guesses.right('totp', person.id);
      return { kind: 'verified', factor: 'totp', device: credential.id };
    }
    if (result.kind !== 'invalid') replayed = true;
  }
  if (replayed) return refused('replayed-code'); // it was right once: no guess
  guesses.wrong('totp', person.id, now());
  return refused('wrong-code');
}

async function checkPush(
  { devices, desk, now }: FactorPorts,
  request: FactorRequest,
  signal: AbortSignal,
): Promise<Verdict> {
  const ids = devices.ofPerson(request.person.id).map(device => device.id);
  if (ids.length === 0) return refused('not-enrolled');
  const end = await desk.hold(request.person.id, ids, factsOf(request, now()), signal);
  return end.kind === 'approved'
    ? { kind: 'verified', factor: 'push', device: end.device }
    : refused(pushRefusals[end.kind]);
}

const pushRefusals = {
  refused: 'push-refused',
  expired: 'push-expired',
  cancelled: 'push-cancelled',
  'already-waiting': 'push-already-waiting',
  'too-many': 'too-many-pushes',
} as const;

function factsOf({ service, question }: FactorRequest, now: number): PushFacts {
  const { account, clientAddress, pushNumber, command, keyFingerprint, door, tty, attempt } = question;
  return {
    account,
    service: service.name,
    hostname: service.hostname,
    clientAddress,
    number: pushNumber,
    command,
    keyFingerprint,
    door,
    tty,
    attempt,
    askedAt: now,
  };
}
