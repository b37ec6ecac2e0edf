import { hash } from 'node:crypto';
import { isIP } from 'node:net';
import type { Door, LoginAttempt } from '../auth/attempt.ts';
import { cleanText } from '../protocol/clean.ts';
import { type AttemptMessage, protocolVersion } from '../protocol/messages.ts';
import { firstMethod, verifiedKeyFingerprint } from '../ssh/auth-info.ts';

/** The proxy asks authenticate() itself; it has no business at this socket. */
const doors = ['login', 'pam', 'pam-exec'] as const satisfies readonly Door[];

/**
 * The facts of a login, from what the door says of it. LoginAttempt tells how far each is to be believed.
 *
 * @param uid of the peer: what root says (PAM, for sshd) is vouched for
 * @returns a string instead, for the log, if the door makes no sense
 */
export function makeAttempt(message: AttemptMessage, id: string, uid: number): LoginAttempt | string {
  if (message.version !== protocolVersion) return `protocol version ${message.version}, not ${protocolVersion}`;
  const door = doors.find(known => known === message.door);
  if (door === undefined) return `no such door: ${message.door}`;
  if (!/^[A-Za-z0-9._@-]{1,64}$/.test(message.service)) return `not a service name: ${message.service}`;
  if (message.key !== undefined && !/^SHA256:[A-Za-z0-9+/]{43}$/.test(message.key)) return 'not a key fingerprint';

  if (message.phase !== undefined && !['auth', 'account'].includes(message.phase))
    return `no such phase: ${message.phase}`;
  if (message.style !== undefined && message.style !== 'trasa') return `no such style: ${message.style}`;

  const { account, service, tty, command, authinfo = '' } = message;
  const clientAddress = addressOf(message.connection?.split(' ')[0]) ?? addressOf(message.rhost);
  const key = message.key ?? verifiedKeyFingerprint(authinfo, bytes => hash('sha256', bytes, 'base64'));
  const firstFactorProved = isFirstFactorProved(door, message);
  return {
    id,
    door,
    askedBy: uid,
    vouched: uid === 0,
    service,
    account,
    ...(clientAddress !== undefined && { clientAddress }),
    ...(tty !== undefined && { tty: cleanText(tty, 128) }),
    ...(command !== undefined && { command: cleanText(command, 1024) }),
    ...(key !== undefined && { keyFingerprint: key }),
    firstFactorProved,
    standsAlone: !firstFactorProved && message.authtok !== true && isFromElsewhere(message),
    ...(message.style === 'trasa' && { inWordsOfTrasa: true }),
  };
}

/**
 * Under ForceCommand sshd has authenticated the person already, or we would not be running; so it has, or another
 * service, when PAM's account phase comes. In the auth phase somebody must say so: the door, sshd (SSH_AUTH_INFO_0), or
 * the host, on which the person is already and asks for themselves (sudo).
 */
function isFirstFactorProved(door: Door, { phase, first, authinfo, ruser, account, rhost }: AttemptMessage): boolean {
  if (door === 'login' || phase === 'account') return true;
  if (first !== undefined) return first !== 'none';
  if (firstMethod(authinfo ?? '') !== undefined) return true;
  return ruser === account && rhost === undefined;
}

function isFromElsewhere({ rhost, connection }: AttemptMessage): boolean {
  return rhost !== undefined || connection !== undefined;
}

/** PAM's rhost may be a name (`UseDNS yes`) or `UNKNOWN`: then the address is not known. */
function addressOf(rhost: string | undefined): string | undefined {
  if (rhost === undefined) return undefined;
  const address = rhost.replace(/^::ffff:(?=[0-9.]+$)/i, ''); // RFC 4291 §2.5.5.2: one person, one address
  return isIP(address) === 0 ? undefined : address;
}

/** Can this be the name of a Unix account at all? What cannot is not looked up. */
export function isAccountName(name: string): boolean {
  return name !== '' && !name.startsWith('-') && !/[/:\s]/.test(name) && cleanText(name, 256) === name;
}
