/**
 * One connection: who is it, is there room, what is asked, is it theirs to ask, authenticate(), the answer.
 *
 * Every way through ends in one decision sent, and every decision about an attempt is in the audit log, those of
 * authenticate() from there, those made before it from here: of these so many a second for each uid, and the count of
 * the others in the daemon's own log.
 */
import type { Socket } from 'node:net';
import type { LoginAttempt } from '../auth/attempt.ts';
import { newUlid } from '../auth/ulid.ts';
import type { PeerCredentials } from '../host/peer.ts';
import { type Decision, type Denial, deny, isBreakGlass } from '../policy/decision.ts';
import type { AttemptMessage } from '../protocol/messages.ts';
import { answerFor, noSession, type SessionSettings } from './answer.ts';
import { isAccountName, makeAttempt } from './attempt.ts';
import { early, ended, endingOf, warnOfBreakGlass, warnOverload } from './denials.ts';
import { authorisePeer } from './peer.ts';
import { noConfiguration, portsOf } from './ports.ts';
import { proxiedAt } from './proxied.ts';
import { keepRecording, type RecordingSettings, whyNotRecorded } from './recording.ts';
import type { ServeParts, Standing } from './service.ts';
import { Visit } from './visit.ts';

/** Settles when the connection needs us no longer. Never rejects for what a peer does. */
export async function serveDoor(socket: Socket, parts: ServeParts): Promise<void> {
  const { admission, stopping, log } = parts;
  const visit = new Visit(socket);
  const id = newUlid(parts.clock, parts.random);
  const peer = parts.peerOf(socket);
  if (peer === undefined) {
    log.warn('a peer without credentials', { attempt: id });
    return visit.door.close();
  }
  log.debug('connected', { attempt: id, uid: peer.uid, pid: peer.pid });

  const leave = admission.enterCaller(peer.uid, () => {
    warnOverload('too many callers', id, peer, parts);
    visit.refuse(answerFor(deny('overloaded'), id, noSession));
  });
  const onStop = (): void => visit.end('shutting-down');
  stopping.addEventListener('abort', onStop, { once: true });
  if (stopping.aborted) onStop();
  try {
    await serveCaller(visit, id, peer, parts, leave);
  } finally {
    visit.door.whenClosed(leave);
    stopping.removeEventListener('abort', onStop);
  }
}

async function serveCaller(
  visit: Visit,
  id: string,
  peer: PeerCredentials,
  parts: ServeParts,
  leave: () => void,
): Promise<void> {
  const message = await visit.opening(parts.timeouts.openingMs);
  if (message === undefined) return leftUnheard(visit, id, peer, parts);
  const stated = makeAttempt(message, id, peer.uid);
  if (typeof stated === 'string') {
    visit.gone(stated);
    return leftUnheard(visit, id, peer, parts);
  }
  const proxied = proxiedAt(stated, message, parts);
  const attempt = proxied === undefined ? stated : { ...stated, proxied };
  const refused = await refusalOf(attempt, visit, peer, parts);
  if (refused !== undefined) return visit.finish(answerFor(early(refused, attempt, parts), id, noSession));

  const leaveLogin = parts.admission.enterLogin(peer.uid, parts.standing.config.daemon.maxLogins);
  if (leaveLogin === undefined) {
    warnOverload('too many logins in progress', id, peer, parts);
    return visit.refuse(answerFor(early(deny('overloaded'), attempt, parts), id, noSession));
  }
  leave(); // no caller any more
  try {
    await serveLogin(visit, attempt, sessionFor(parts.standing, message), peer, parts, leaveLogin);
  } finally {
    visit.door.whenClosed(leaveLogin);
  }
}

/** Why this peer may not even begin, or undefined. */
async function refusalOf(
  attempt: LoginAttempt,
  visit: Visit,
  peer: PeerCredentials,
  { standing, directory }: ServeParts,
): Promise<Denial | undefined> {
  if (!isAccountName(attempt.account)) return deny('unknown-account', 'not a name');
  if (standing.kind === 'broken' && standing.emergency(noConfiguration) === undefined) return deny('config-invalid');
  const { signal } = visit;
  return await Promise.race([authorisePeer(peer, attempt.account, directory, signal), ended(signal)]);
}

async function serveLogin(
  visit: Visit,
  attempt: LoginAttempt,
  session: SessionSettings,
  peer: PeerCredentials,
  parts: ServeParts,
  leave: () => void,
): Promise<void> {
  const leaveRecording = session.record ? parts.admission.enterRecording(peer.uid) : undefined;
  try {
    const decision =
      session.record && leaveRecording === undefined
        ? early(deny('overloaded', 'too many recordings'), attempt, parts)
        : await decide(attempt, visit, parts);
    if (visit.violation !== undefined && parts.limits.refusals.admits(peer.uid))
      parts.log.warn('protocol error', { attempt: attempt.id, uid: peer.uid, why: visit.violation });
    const following = isBreakGlass(decision) ? await recordedIfPossible(session, attempt, parts) : session;
    const answer = answerFor(visit.violation === undefined ? decision : deny('protocol-error'), attempt.id, following);
    if (!answer.record) return visit.finish(answer);
    leave(); // the login is over, the session may last
    await keepRecording(visit.door, answer, attempt, recordingSettings(parts));
  } finally {
    leaveRecording?.();
  }
}

/** What cannot be recorded does not happen, unless it is somebody who comes to mend the disk. */
async function recordedIfPossible(
  session: SessionSettings,
  { id }: LoginAttempt,
  parts: ServeParts,
): Promise<SessionSettings> {
  const why = session.record ? await whyNotRecorded(recordingSettings(parts)) : undefined;
  if (why === undefined) return session;
  parts.log.warn('BREAK-GLASS: the session is not recorded', { attempt: id, why });
  return { ...session, record: false };
}

async function decide(attempt: LoginAttempt, visit: Visit, parts: ServeParts): Promise<Decision> {
  const fromStanding = portsOf(parts.standing);
  if (fromStanding === undefined) return early(deny('config-invalid'), attempt, parts);
  const { clock, random, directory } = parts;
  const timer = setTimeout(() => visit.end('timed-out'), parts.standing.config.daemon.loginTimeoutMs).unref();
  try {
    const ports = { clock, random, directory, ...fromStanding };
    const decision = await parts.authenticate(attempt, visit.conversation, ports, visit.signal);
    warnOfBreakGlass(decision, attempt, parts);
    return decision;
  } catch (error) {
    return early(deny('internal-error', error instanceof Error ? error.stack : String(error)), attempt, parts);
  } finally {
    clearTimeout(timer);
  }
}

/** No attempt came of it, so there is nothing to audit. Who leaves without a word, or was only there to look, is no news. */
function leftUnheard(visit: Visit, id: string, peer: PeerCredentials, parts: ServeParts): void {
  const reason = visit.violation === undefined ? endingOf(visit.signal) : 'protocol-error';
  const facts = { attempt: id, uid: peer.uid, why: visit.violation ?? reason };
  if (reason === 'disconnected' || reason === 'cancelled') parts.log.debug('no attempt', facts);
  else if (reason !== 'overloaded' && parts.limits.refusals.admits(peer.uid)) parts.log.warn('no attempt', facts);
  visit.finish(answerFor(deny(reason), id, noSession));
}

/** Only sessions with a terminal are recorded: the rest is files and pipes. */
function sessionFor(standing: Standing, message: AttemptMessage): SessionSettings {
  if (message.door !== 'login') return noSession;
  const { motd, record, sftpServer } = standing.config.login;
  return { motd, record: record && message.tty !== undefined, sftpServer };
}

function recordingSettings({ standing, ...parts }: ServeParts): RecordingSettings {
  return {
    directory: standing.config.login.recordDirectory,
    headerMs: parts.timeouts.recordHeaderMs,
    space: parts.space,
    clock: parts.clock,
    log: parts.log,
    stopping: parts.stopping,
  };
}
