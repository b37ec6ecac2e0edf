/** The bodies that we send, in the server's own JSON names. The only place of the client that sees our secrets. */
import type { LoginAttempt } from '../auth/attempt.ts';
import type { ServerProof } from '../auth/verifier.ts';
import type { ServerSettings } from '../config/config.ts';

export interface NixRequest {
  readonly attempt: LoginAttempt;
  readonly trasaID: string;
  readonly proof: ServerProof;
}

/**
 * POST /auth/agent/nix. The first group is TRASA v1.1's; the second is additive (PROTOCOL.md, part 2), and a server that
 * does not know it ignores it. Facts that are not known are left out.
 *
 * @param hostname of this host
 */
export function nixBody(settings: ServerSettings, hostname: string, request: NixRequest): Buffer {
  const { attempt, trasaID, proof } = request;
  if (proof.factor === 'totp' && proof.code.length === 0) throw new Error('an empty code would ask for a push');
  return encode({
    serviceID: settings.serviceID,
    serviceKey: settings.serviceKey.expose(),
    user: attempt.account,
    trasaID,
    tfaMethod: proof.factor === 'totp' ? 'totp' : 'U2F',
    totpCode: proof.factor === 'totp' ? proof.code.expose() : '', // empty means push
    userIP: attempt.clientAddress ?? '',
    hostname,

    attempt: attempt.id,
    door: attempt.door,
    pushNumber: proof.factor === 'push' ? proof.number : undefined,
    command: attempt.command,
    keyFingerprint: attempt.keyFingerprint,
    tty: attempt.tty,
  });
}

/** POST /auth/agent/checkconfig. */
export function checkConfigBody(settings: ServerSettings): Buffer {
  return encode({ serviceID: settings.serviceID, serviceKey: settings.serviceKey.expose() });
}

function encode(fields: Readonly<Record<string, string | undefined>>): Buffer {
  return Buffer.from(JSON.stringify(fields));
}
