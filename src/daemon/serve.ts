/**
 * One connection: who is it, is there room, what is asked, is it theirs to ask, authenticate(), the answer.
 *
 * Every way through ends in one decision sent, and every decision about an attempt is in the audit log: those of
 * authenticate() from there, those made before it from here.
 */
import type { Socket } from 'node:net';
import type { LoginAttempt } from '../auth/attempt.ts';
import { Trail } from '../auth/login.ts';
import type { PeerCredentials } from '../host/peer.ts';
import { type Decision, type Denial, type DenyReason, deny } from '../policy/decision.ts';
import type { AttemptMessage } from '../protocol/messages.ts';
import type { Admission } from './admission.ts';
import { answerFor, noSession, type SessionSettings } from './answer.ts';
import { isAccountName, makeAttempt } from './attempt.ts';
import { authorisePeer } from './peer.ts';
import { keepRecording } from './recording.ts';
import type { DaemonParts, Standing, Timeouts } from './service.ts';
import { newUlid } from './ulid.ts';
import { Visit } from './visit.ts';

export interface ServeParts
  extends Pick<DaemonParts, 'authenticate' | 'directory' | 'peerOf' | 'clock' | 'random' | 'log'> {
  readonly admission: Admission;
  readonly standing: Standing;
  readonly timeouts: Timeouts;
  /** Aborts when the daemon stops. */
  readonly stopping: AbortSignal;
}

/** Settles when the connection needs us no longer. Never rejects for what a peer does. */
export async function serveDoor(socket: Socket, parts: ServeParts): Promise<void> {
  const { admission, standing, stopping, log } = parts;
  const visit = new Visit(socket);
  const id = newUlid(parts.clock, parts.random);
  const peer = parts.peerOf(socket);
  if (peer === undefined) {
    log.warn('a peer without credentials', { attempt: id });
    return visit.door.close();
  }
  log.debug('connected', { attempt: id, uid: peer.uid, pid: peer.pid });

  const leave = admission.enterLogin(peer.uid, maxLogins(standing));
  if (leave === undefined) {
    log.warn('too many logins in progress', { attempt: id, uid: peer.uid, logins: admission.logins });
    return visit.finish(answerFor(deny('overloaded'), id, noSession));
  }
  const onStop = (): void => visit.end('shutting-down');
  stopping.addEventListener('abort', onStop, { once: true });
  if (stopping.aborted) onStop();
  try {
    await serveLogin(visit, id, peer, parts, leave);
  } finally {
    leave();
    stopping.removeEventListener('abort', onStop);
  }
}

async function serveLogin(
  visit: Visit,
  id: string,
  peer: PeerCredentials,
  parts: ServeParts,
  leave: () => void,
): Promise<void> {
  const { standing, log } = parts;
  const message = await visit.opening(parts.timeouts.openingMs);
  if (message === undefined) return leftUnheard(visit, id, peer, parts);
  const attempt = makeAttempt(message, id, peer.uid);
  if (typeof attempt === 'string') {
    visit.gone(attempt);
    return leftUnheard(visit, id, peer, parts);
  }

  const session = sessionFor(standing, message);
  const leaveRecording = session.record ? parts.admission.enterRecording(peer.uid) : undefined;
  try {
    const decision =
      session.record && leaveRecording === undefined
        ? early(deny('overloaded', 'too many recordings'), attempt, parts)
        : await decide(attempt, visit, peer, parts);
    if (visit.violation !== undefined) log.warn('protocol error', { attempt: id, uid: peer.uid, why: visit.violation });
    const answer = answerFor(visit.violation === undefined ? decision : deny('protocol-error'), id, session);
    if (!answer.record) return visit.finish(answer);
    leave(); // the login is over, the session may last
    await keepRecording(visit.door, answer, attempt, recordingSettings(standing, parts));
  } finally {
    leaveRecording?.();
  }
}

async function decide(
  attempt: LoginAttempt,
  visit: Visit,
  peer: PeerCredentials,
  parts: ServeParts,
): Promise<Decision> {
  const { standing } = parts;
  if (!isAccountName(attempt.account)) return early(deny('unknown-account', 'not a name'), attempt, parts);
  if (standing.kind === 'broken') return early(deny('config-invalid'), attempt, parts);
  const refused = await Promise.race([authorisePeer(peer, attempt.account, parts.directory), ended(visit.signal)]);
  if (refused !== undefined) return early(refused, attempt, parts);

  const { rules, verifier, memory, audit, config } = standing;
  const { clock, random, directory } = parts;
  const timer = setTimeout(() => visit.end('timed-out'), config.daemon.loginTimeoutMs).unref();
  try {
    const ports = { clock, random, directory, verifier, memory, audit, rules };
    return await parts.authenticate(attempt, visit.conversation, ports, visit.signal);
  } catch (error) {
    return early(deny('internal-error', error instanceof Error ? error.stack : String(error)), attempt, parts);
  } finally {
    clearTimeout(timer);
  }
}

/** A denial that authenticate() has not heard of. It denies whether or not it can be logged. */
function early(denial: Denial, attempt: LoginAttempt, parts: ServeParts): Denial {
  try {
    parts.standing.audit.decision(new Trail(parts.clock).event(attempt, denial));
  } catch (error) {
    parts.log.error(`audit log: ${String(error)}`, { attempt: attempt.id });
  }
  return denial;
}

async function ended(signal: AbortSignal): Promise<Denial> {
  if (!signal.aborted)
    await new Promise(resolve => {
      signal.addEventListener('abort', resolve, { once: true });
    });
  return deny(endingOf(signal));
}

function endingOf(signal: AbortSignal): DenyReason {
  const reason: unknown = signal.reason;
  const endings = ['cancelled', 'disconnected', 'timed-out', 'shutting-down'] as const;
  return endings.find(known => known === reason) ?? 'internal-error';
}

/** No attempt came of it, so there is nothing to audit. Who connects and leaves without a word is no news. */
function leftUnheard(visit: Visit, id: string, peer: PeerCredentials, parts: ServeParts): void {
  const reason = visit.violation === undefined ? endingOf(visit.signal) : 'protocol-error';
  const facts = { attempt: id, uid: peer.uid, why: visit.violation ?? reason };
  if (reason === 'disconnected') parts.log.debug('no attempt', facts);
  else parts.log.warn('no attempt', facts);
  visit.finish(answerFor(deny(reason), id, noSession));
}

/** While there is no configuration; the option's default. */
const maxLoginsUnconfigured = 256;

function maxLogins(standing: Standing): number {
  return standing.kind === 'ready' ? standing.config.daemon.maxLogins : maxLoginsUnconfigured;
}

/** Only sessions with a terminal are recorded: the rest is files and pipes. */
function sessionFor(standing: Standing, message: AttemptMessage): SessionSettings {
  if (standing.kind === 'broken' || message.door !== 'login') return noSession;
  const { motd, record, sftpServer } = standing.config.login;
  return { motd, record: record && message.tty !== undefined, sftpServer };
}

function recordingSettings(standing: Standing, parts: ServeParts) {
  return {
    directory: standing.kind === 'ready' ? standing.config.login.recordDirectory : '',
    headerMs: parts.timeouts.recordHeaderMs,
    clock: parts.clock,
    log: parts.log,
    stopping: parts.stopping,
  };
}
