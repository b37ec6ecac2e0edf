/** Ours, not TRASA's: what a host says of itself, and what it is told (PROTOCOL.md, part 2). */
import { type HostReport, isReportOfHost } from '../../ca/host-report.ts';
import { parseKeyLine } from '../../ssh/key-line.ts';
import type { Answer, Endpoint } from './endpoint.ts';
import { failed, success } from './envelope.ts';
import { parseFields } from './fields.ts';
import type { RenewPorts } from './renew.ts';

/** POST /ca/report: the CAs that a host trusts, answered with those that it should. */
export function hostReport({ cas, challenges, renewing, now }: RenewPorts): Endpoint {
  return async ({ body, peer }) => {
    const report = readReport(body);
    if (report === undefined) return refusal('invalid request');
    if (!challenges.isFresh(report.challenge, now())) return refusal('the challenge is not fresh, ask for another one');
    // Before anything is read from the disk, as with a renewal.
    if (!isReportOfHost(report)) return refusal('the host did not sign what it was asked to');
    const result = await renewing.pass(peer, async () => await cas.takeReport(report, now()));
    if (result === undefined) return refusal('too many requests, try again later');
    if (result.kind !== 'done')
      return result.kind === 'refused' ? refusal(result.text) : refusal('the CAs cannot be used', result.text);
    const { keyId, hostCa, userCas, signature } = result.value;
    return {
      envelope: success('', 'report', [{ hostCA: hostCa, userCAs: userCas, signature: signature.toString('base64') }]),
      audit: { service: keyId, detail: `trusts ${report.trusts.join(' ') || 'no CA'}` },
    };
  };
}

function readReport(body: Buffer): HostReport | undefined {
  const fields = parseFields(body, ['certificate', 'challenge', 'nonce', 'trusts', 'signature']);
  const line = fields === undefined ? undefined : parseKeyLine(fields.certificate);
  if (fields === undefined || line === undefined || line.kind === 'malformed') return undefined;
  const { challenge, nonce, trusts, signature } = fields;
  const list = trusts === '' ? [] : trusts.split(' ');
  return { certificate: line.value.blob, challenge, nonce, trusts: list, signature: Buffer.from(signature, 'base64') };
}

function refusal(reason: string, detail?: string): Answer {
  return { envelope: failed(reason, 'report', null), audit: { detail } };
}
