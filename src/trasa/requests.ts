/** The bodies that we send, in the server's own JSON names. The only place of the client that sees our secrets. */
import type { LoginAttempt } from '../auth/attempt.ts';
import type { ServerProof } from '../auth/verifier.ts';
import type { ServerSettings } from '../config/config.ts';
import type { Secret } from '../otp/secret.ts';

export interface NixRequest {
  readonly attempt: LoginAttempt;
  readonly trasaID: string;
  readonly proof: ServerProof;
  /** The server's ID of the service behind an access proxy; undefined: it is about the one whose credentials are ours. */
  readonly target?: string | undefined;
}

/** Of the embedded server's vault, for one login through an access proxy. */
export interface VaultRequest {
  /** The server's ID of the service. */
  readonly target: string;
  readonly account: string;
  readonly person: string;
  readonly clientAddress: string;
  /** The ID of the login. */
  readonly attempt: string;
}

/**
 * POST /auth/agent/nix. The first group is TRASA v1.1's; the second is additive (PROTOCOL.md, part 2), and a server that
 * does not know it ignores it. Facts that are not known are left out.
 *
 * @param hostname of this host
 */
export function nixBody(settings: ServerSettings, hostname: string, request: NixRequest): Buffer {
  const { attempt, trasaID, proof, target } = request;
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
    targetService: target,
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

/** POST /auth/identity: a person's password. */
export function identityBody(email: string, password: Secret): Buffer {
  return encode({ email, password: password.expose(), intent: 'AUTH_REQ_DASH_LOGIN' });
}

/** POST /api/v1/proxy/catalogue. @param known the revision that we have; empty: none */
export function catalogueBody(settings: ServerSettings, known: string): Buffer {
  return encode({ serviceID: settings.serviceID, serviceKey: settings.serviceKey.expose(), known });
}

/** POST /api/v1/proxy/vault. */
export function vaultBody(settings: ServerSettings, request: VaultRequest): Buffer {
  const { target, account, person, clientAddress, attempt } = request;
  return encode({
    serviceID: settings.serviceID,
    serviceKey: settings.serviceKey.expose(),
    targetService: target,
    user: account,
    trasaID: person,
    userIP: clientAddress,
    attempt,
  });
}

function encode(fields: Readonly<Record<string, string | undefined>>): Buffer {
  return Buffer.from(JSON.stringify(fields));
}
