/** Logins that come through an access proxy that this host trusts (trustProxyCA): what its certificate has proved. */
import type { LoginAttempt, Proxied } from '../auth/attempt.ts';
import type { ProxyTrust } from '../config/config.ts';
import { readBytesSafely } from '../host/safe-open.ts';
import { cleanText } from '../protocol/clean.ts';
import type { AttemptMessage } from '../protocol/messages.ts';
import type { Krl } from '../ssh/krl.ts';
import { parseKrl } from '../ssh/krl-read.ts';
import { proxiedLogin } from '../ssh/proxied-login.ts';
import type { ServeParts } from './service.ts';

type Parts = Pick<ServeParts, 'standing' | 'clock' | 'crypto' | 'log'>;

/**
 * Undefined: there is nothing that counts, and the person is asked as ever.
 *
 * Only behind PAM, where sshd tells root what was proved. Under ForceCommand it is the user's own process that would tell.
 */
export function proxiedAt(attempt: LoginAttempt, { authinfo }: AttemptMessage, parts: Parts): Proxied | undefined {
  const { caKeys, revokedKeys } = parts.standing.config.daemon.proxyTrust;
  const isBySshd = attempt.vouched && (attempt.door === 'pam' || attempt.door === 'pam-exec');
  if (caKeys.length === 0 || !isBySshd || authinfo === undefined) return undefined;
  const revoked = readRevoked(revokedKeys);
  if (typeof revoked === 'string') {
    parts.log.warn('certificates of the access proxy do not count', { attempt: attempt.id, why: revoked });
    return undefined;
  }
  const { account, clientAddress } = attempt;
  const terms = { caKeys, now: parts.clock.now(), principal: account, address: clientAddress, revoked };
  const login = proxiedLogin(authinfo, terms, parts.crypto);
  if (login?.kind === 'not-proved')
    parts.log.debug('not by an access proxy', { attempt: attempt.id, why: cleanText(login.why, 200) });
  if (login?.kind !== 'proved') return undefined;
  return { person: login.person, factor: `${login.factor}, certificate ${login.serial}` };
}

/** Read anew each time: what is revoked counts at once. A string says why it cannot be known what is. */
function readRevoked(file: ProxyTrust['revokedKeys']): readonly Krl[] | string {
  if (file === '') return [];
  const read = readBytesSafely(file, { maxBytes: maxKrlBytes });
  if (read.kind === 'refused') return `revokedKeys ${file} ${read.problem.text}`;
  const krl = parseKrl(read.bytes);
  return krl.kind === 'parsed' ? [krl.value] : `revokedKeys ${file} ${krl.text}`;
}

const maxKrlBytes = 16 * 1024 * 1024;
