/**
 * Messages to lines and back. A field that we do not know is ignored, so that a newer peer may say more; a verb that we
 * do not know, or a field that is missing, malformed or too long, makes the line no message at all: undefined.
 */
import { decodeLine, encodeLine, type Line, maxLineBytes } from './line.ts';
import {
  type AttemptMessage,
  type DaemonMessage,
  type DecisionMessage,
  type DoorMessage,
  maxAnswer,
  maxFact,
  maxRecordChunk,
  maxText,
} from './messages.ts';

export function encodeDoorMessage(message: DoorMessage): string {
  switch (message.kind) {
    case 'attempt':
      return encodeAttempt(message);
    case 'answer':
      return encodeLine('answer', { id: String(message.id), text: cut(message.text, maxAnswer) });
    case 'unable':
      return encodeLine('unable', { id: String(message.id) });
    case 'cancel':
      return encodeLine('cancel');
    case 'record':
      return encodeLine('record', { line: message.line });
  }
}

export function encodeDaemonMessage(message: DaemonMessage): string {
  switch (message.kind) {
    case 'info':
    case 'error':
      return encodeLine(message.kind, { text: cut(message.text, maxText) });
    case 'prompt':
      return encodeLine('prompt', {
        id: String(message.id),
        echo: yesNo(message.echo),
        text: cut(message.text, maxText),
      });
    case 'withdraw':
      return encodeLine('withdraw', { id: String(message.id) });
    case 'decision':
      return encodeDecision(message);
    case 'recorded':
      return encodeLine('recorded');
  }
}

/** @param text a line without its end */
export function decodeDoorMessage(text: string): DoorMessage | undefined {
  const line = decodeLine(text);
  if (line === undefined) return undefined;
  switch (line.verb) {
    case 'attempt':
      return decodeAttempt(line);
    case 'answer': {
      const id = idOf(line);
      const answer = textOf(line, 'text', maxAnswer);
      return id === undefined || answer === undefined ? undefined : { kind: 'answer', id, text: answer };
    }
    case 'unable': {
      const id = idOf(line);
      return id === undefined ? undefined : { kind: 'unable', id };
    }
    case 'cancel':
      return { kind: 'cancel' };
    case 'record': {
      const event = textOf(line, 'line', maxRecordChunk);
      return event === undefined ? undefined : { kind: 'record', line: event };
    }
    default:
      return undefined;
  }
}

/** @param text a line without its end */
export function decodeDaemonMessage(text: string): DaemonMessage | undefined {
  const line = decodeLine(text);
  if (line === undefined) return undefined;
  switch (line.verb) {
    case 'info':
    case 'error': {
      const said = textOf(line, 'text', maxText);
      return said === undefined ? undefined : { kind: line.verb, text: said };
    }
    case 'prompt': {
      const id = idOf(line);
      const echo = booleanOf(line, 'echo');
      const asked = textOf(line, 'text', maxText);
      if (id === undefined || echo === undefined || asked === undefined) return undefined;
      return { kind: 'prompt', id, echo, text: asked };
    }
    case 'withdraw': {
      const id = idOf(line);
      return id === undefined ? undefined : { kind: 'withdraw', id };
    }
    case 'decision':
      return decodeDecision(line);
    case 'recorded':
      return { kind: 'recorded' };
    default:
      return undefined;
  }
}

/** Longest values of the facts, in bytes. */
const factLimits = [
  ['version', 16],
  ['door', 16],
  ['service', 64],
  ['account', 256],
  ['rhost', 256],
  ['tty', 128],
  ['command', maxFact],
  ['key', 128],
  ['first', 64],
  ['phase', 16],
  ['ruser', 256],
  ['connection', 256],
  ['authinfo', 4096],
  ['style', 16],
] as const;
type FactName = (typeof factLimits)[number][0];

/** Booleans that may be absent. */
const flagNames = ['withdraw', 'once', 'authtok'] as const;
type FlagName = (typeof flagNames)[number];

/** The first fact that is too long to be sent; undefined if all fit. `command` is cut instead. */
export function overlongFact(attempt: AttemptMessage): string | undefined {
  return factLimits.find(([name, max]) => name !== 'command' && byteLength(attempt[name] ?? '') > max)?.[0];
}

function encodeAttempt(attempt: AttemptMessage): string {
  const tooLong = overlongFact(attempt);
  if (tooLong !== undefined) throw new RangeError(`${tooLong} is longer than an attempt may say`);
  const { kind, command, interactive, withdraw, once, authtok, ...facts } = attempt;
  const fields = {
    ...facts,
    command: command === undefined ? undefined : cut(command, maxFact),
    interactive: yesNo(interactive),
    withdraw: yesNoOrAbsent(withdraw),
    once: yesNoOrAbsent(once),
    authtok: yesNoOrAbsent(authtok),
  };
  const line = encodeLine(kind, fields);
  // Base64 is hardly encoded, and so it all fits; what is long and strange is left out rather than refused.
  return line.length <= maxLineBytes ? line : encodeLine(kind, { ...fields, authinfo: undefined });
}

function decodeAttempt(line: Line): AttemptMessage | undefined {
  const facts: Partial<Record<FactName, string>> = {};
  for (const [name, max] of factLimits) {
    if (!line.fields.has(name)) continue;
    const value = textOf(line, name, max);
    if (value === undefined) return undefined;
    facts[name] = value;
  }
  const { version, door, service, account, ...rest } = facts;
  const interactive = booleanOf(line, 'interactive');
  const flags: Partial<Record<FlagName, boolean>> = {};
  for (const name of flagNames) {
    if (!line.fields.has(name)) continue;
    const value = booleanOf(line, name);
    if (value === undefined) return undefined;
    flags[name] = value;
  }
  if (version === undefined || door === undefined || service === undefined || account === undefined) return undefined;
  if (interactive === undefined) return undefined;
  return { kind: 'attempt', version, door, service, account, ...rest, interactive, ...flags };
}

function encodeDecision(decision: DecisionMessage): string {
  const { verdict, reason, id, text, exit, pam, motd, record, sftp } = decision;
  return encodeLine('decision', {
    verdict,
    reason,
    id,
    text: cut(text, maxText),
    exit: String(exit),
    pam,
    motd: yesNo(motd),
    record: yesNo(record),
    sftp,
  });
}

function decodeDecision(line: Line): DecisionMessage | undefined {
  const verdict = verdicts.find(known => known === line.fields.get('verdict'));
  const reason = textOf(line, 'reason', 64);
  const id = textOf(line, 'id', 64);
  const text = textOf(line, 'text', maxText);
  const exit = /^(0|[1-9][0-9]{0,2})$/.exec(line.fields.get('exit') ?? '')?.[1];
  const pam = /^PAM_[A-Z_]{1,32}$/.exec(line.fields.get('pam') ?? '')?.[0];
  const motd = booleanOf(line, 'motd');
  const record = booleanOf(line, 'record');
  const sftp = textOf(line, 'sftp', maxFact);
  if (verdict === undefined || reason === undefined || id === undefined || text === undefined) return undefined;
  if (exit === undefined || Number(exit) > 255 || pam === undefined) return undefined;
  if (motd === undefined || record === undefined || sftp === undefined) return undefined;
  // A decision that contradicts itself opens nothing: whichever field a door looks at, it must find the same answer.
  const entered = verdict !== 'deny';
  if (entered !== (exit === '0') || entered !== (pam === 'PAM_SUCCESS') || (record && !entered)) return undefined;
  return { kind: 'decision', verdict, reason, id, text, exit: Number(exit), pam, motd, record, sftp };
}

const verdicts = ['allow', 'bypass', 'deny'] as const;

function idOf(line: Line): number | undefined {
  const id = line.fields.get('id');
  return id !== undefined && /^[1-9][0-9]{0,5}$/.test(id) ? Number(id) : undefined;
}

function textOf(line: Line, name: string, maxBytes: number): string | undefined {
  const value = line.fields.get(name);
  return value === undefined || byteLength(value) > maxBytes ? undefined : value;
}

function booleanOf(line: Line, name: string): boolean | undefined {
  const value = line.fields.get(name);
  return value === 'yes' ? true : value === 'no' ? false : undefined;
}

function yesNo(value: boolean): string {
  return value ? 'yes' : 'no';
}

function yesNoOrAbsent(value: boolean | undefined): string | undefined {
  return value === undefined ? undefined : yesNo(value);
}

function byteLength(text: string): number {
  return Buffer.byteLength(text, 'utf8');
}

/** The longest beginning of `text` that fits, whole characters only. */
function cut(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text.slice(0, maxBytes), 'utf8');
  let end = Math.min(bytes.length, maxBytes);
  while (end < bytes.length && end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
