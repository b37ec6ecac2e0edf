import { confirmTotp } from '../../otp/confirm.ts';
import { generateSecret, keyUri } from '../../otp/key-uri.ts';
import type { Secret } from '../../otp/secret.ts';
import type { Algorithm, TotpParameters } from '../../otp/totp.ts';
import type { ServerState } from '../state/open-state.ts';
import { findPerson } from './people.ts';
import { done, failure, type Result } from './result.ts';

export interface TotpRequest {
  readonly person: string;
  readonly algorithm: Algorithm;
  readonly digits: TotpParameters['digits'];
  readonly periodSeconds: number;
  /** What the authenticator shows above the code. */
  readonly issuer: string;
  /** Keep the credential only if the person can type a code of it. */
  readonly confirm: boolean;
}

export interface TotpOffer {
  readonly person: string;
  readonly secret: Secret;
  readonly uri: Secret;
}

/** Whoever runs the command. */
export interface Operator {
  /** Shows the QR code and the secret. */
  offer(offer: TotpOffer): void;
  /** A code that the person reads from the authenticator; undefined: no more. */
  askCode(isRetry: boolean): Promise<Secret | undefined>;
}

/** @returns the id of the credential */
export async function enrolTotp(
  state: ServerState,
  request: TotpRequest,
  operator: Operator,
  now: () => number,
): Promise<Result<string>> {
  const person = findPerson(state, request.person);
  if (person.kind === 'failed') return person;
  const { id, email } = person.value;
  if (state.credentials.ofPerson(id).length >= maxCredentials)
    return failure(`${email} has ${maxCredentials} credentials already; remove one with: trasa-agent server device`);

  const { algorithm, digits, periodSeconds, issuer } = request;
  const parameters = { secret: generateSecret(), algorithm, digits, periodSeconds };
  operator.offer({ person: email, secret: parameters.secret, uri: keyUri({ ...parameters, issuer, label: email }) });
  const step = request.confirm
    ? await confirmTotp(parameters, async isRetry => await operator.askCode(isRetry), now)
    : undefined;
  if (request.confirm && step === undefined) return failure('no right code was typed; nothing is enrolled');
  return done(state.credentials.add(id, parameters, step, now()));
}

const maxCredentials = 5;
