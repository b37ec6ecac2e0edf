import type { LoginAttempt } from '../auth/attempt.ts';
import type { LoginSettings } from '../config/config.ts';
import { type BypassRule, type Decision, isBreakGlass } from '../policy/decision.ts';
import { refusals, sentenceFor } from '../policy/refusals.ts';
import { cleanText } from '../protocol/clean.ts';
import { type DecisionMessage, maxText } from '../protocol/messages.ts';

/** What follows the decision, for the door `login`. */
export type SessionSettings = Pick<LoginSettings, 'motd' | 'record' | 'sftpServer'>;

export const noSession: SessionSettings = { motd: false, record: false, sftpServer: '' };

/** The last word to a door: a Decision with what to tell the person, and what to return. */
export function answerFor(
  decision: Decision,
  attemptId: LoginAttempt['id'],
  session: SessionSettings,
): DecisionMessage {
  if (decision.kind === 'deny') {
    const { exit, pam } = refusals[decision.reason];
    return {
      kind: 'decision',
      verdict: 'deny',
      reason: decision.reason,
      id: attemptId,
      text: `${cleanText(sentenceFor(decision), maxChars)} [${attemptId}]`,
      exit,
      pam,
      motd: false,
      record: false,
      sftp: '',
    };
  }
  return {
    kind: 'decision',
    verdict: decision.kind,
    reason: decision.kind === 'allow' ? decision.factor : decision.rule,
    id: attemptId,
    text: decision.kind === 'bypass' ? bypassText(decision.rule, attemptId) : '',
    ...(isBreakGlass(decision) && { text: `${decision.says} [${attemptId}]` }),
    exit: 0,
    pam: 'PAM_SUCCESS',
    motd: session.motd,
    record: session.record,
    sftp: session.sftpServer,
  };
}

/** Who comes in by the rules hears nothing; who comes in because the server is away is told so, loudly. */
function bypassText(rule: BypassRule, attemptId: string): string {
  switch (rule) {
    case 'fail-safe':
    case 'offline-user':
      return `WARNING: the TRASA server is unreachable; this login went through WITHOUT a second factor. [${attemptId}]`;
    case 'exempt-user':
    case 'exempt-group':
    case 'not-required':
    case 'grace':
    case 'server-passthru':
    case 'proxy-policy':
    case 'observe': // authenticate() has told whoever can be told
      return '';
  }
}

/** A character takes up to four bytes; the rest is for the id. */
const maxChars = maxText / 4 - 16;
