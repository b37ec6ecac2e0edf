/** Ours, not TRASA's: how a host gets its next certificate by its present one (PROTOCOL.md, part 2). */
import { certificateLine, fingerprintOf } from '../../ca/issue.ts';
import { isSignedByHost, type Renewal, renewHostCertificate } from '../../ca/renewal.ts';
import { parseKeyLine } from '../../ssh/key-line.ts';
import type { RenewalChallenges } from '../renewal-challenges.ts';
import type { Turnstile } from '../turnstile.ts';
import type { CaPorts } from './ca.ts';
import type { Answer, Endpoint } from './endpoint.ts';
import { failed, success } from './envelope.ts';
import { parseFields } from './fields.ts';

export interface RenewPorts extends CaPorts {
  readonly challenges: RenewalChallenges;
  /** Opens the CA for hosts. */
  readonly renewing: Turnstile;
}

/** POST /ca/renew/challenge: something to sign, for anybody. */
export function renewalChallenge({ challenges, now }: RenewPorts): Endpoint {
  return () => ({ envelope: success('', 'renew', [{ challenge: challenges.make(now()) }]), audit: undefined });
}

/** POST /ca/renew: the next certificate of the host that signed. */
export function renew({ cas, challenges, renewing, now }: RenewPorts): Endpoint {
  return async ({ body, peer }) => {
    const renewal = readRenewal(body);
    if (renewal === undefined) return refusal('invalid request');
    if (!challenges.isFresh(renewal.challenge, now()))
      return refusal('the challenge is not fresh, ask for another one');
    // Before anything is read from the disk: what costs something is done for those who have a host's key.
    if (!isSignedByHost(renewal)) return refusal('the host did not sign what it was asked to');
    const result = await renewing.pass(
      peer,
      async () =>
        await cas.issue(
          'host',
          async (issuer, authority) => await renewHostCertificate(authority, issuer, renewal, now()),
        ),
    );
    if (result === undefined) return refusal('too many requests, try again later');
    if (result.kind !== 'done')
      return result.kind === 'refused' ? refusal(result.text) : refusal('the Host CA cannot be used', result.text);
    const { certified, certificate, keyId, serial } = result.value;
    return {
      envelope: success('', 'renew', [{ certificate: certificateLine(certified, certificate, keyId) }]),
      audit: { service: keyId, detail: `serial ${serial}, of ${fingerprintOf(certified)}` },
    };
  };
}

function readRenewal(body: Buffer): Renewal | undefined {
  const fields = parseFields(body, ['certificate', 'challenge', 'signature']);
  const line = fields === undefined ? undefined : parseKeyLine(fields.certificate);
  if (fields === undefined || line === undefined || line.kind === 'malformed') return undefined;
  const { challenge, signature } = fields;
  return { certificate: line.value.blob, challenge, signature: Buffer.from(signature, 'base64') };
}

function refusal(reason: string, detail?: string): Answer {
  return { envelope: failed(reason, 'renew', null), audit: { detail } };
}
