/** What may be done in a session, as it is kept and sent: a Grant without whose it is. */
import { type Forwarding, type Grant, usualGrant } from './grant.ts';

export type SessionTerms = Omit<Grant, 'rule' | 'secondFactor'>;

export function usualTerms(): SessionTerms {
  const { rule: _rule, secondFactor: _secondFactor, ...terms } = usualGrant(false);
  return terms;
}

/** Undefined if anything is missing or is not what it should be: half a grant is none. */
export function readSessionTerms(value: unknown): SessionTerms | undefined {
  if (!isObject(value)) return undefined;
  const { approvalMs, record, shell, commands, fileTransfer, idleMs, sessionMs } = value;
  const forwarding = readForwarding(value['forwarding']);
  const isWhole =
    isDuration(approvalMs) &&
    isFlag(record) &&
    isFlag(shell) &&
    (commands === undefined || isTexts(commands)) &&
    isFlag(fileTransfer) &&
    forwarding !== undefined &&
    isDuration(idleMs) &&
    isDuration(sessionMs);
  return isWhole ? { approvalMs, record, shell, commands, fileTransfer, forwarding, idleMs, sessionMs } : undefined;
}

function readForwarding(value: unknown): Forwarding | undefined {
  if (!isObject(value)) return undefined;
  const { local, remote, streamlocal, agent, x11, jump } = value;
  const isWhole =
    isTexts(local) && isTexts(remote) && isFlag(streamlocal) && isFlag(agent) && isFlag(x11) && isFlag(jump);
  return isWhole ? { local, remote, streamlocal, agent, x11, jump } : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isFlag(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(item => typeof item === 'string');
}

function isDuration(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
