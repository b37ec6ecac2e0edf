/** What may be done in a session through the access proxy, as an administrator types it and reads it again. */
import { movesFiles } from '../../policy/commands.ts';
import { type SessionTerms, usualTerms } from '../../policy/session-terms.ts';
import { done, failure, type Result } from './result.ts';

/** Durations in seconds. */
export interface SessionRequest {
  /** Counts for so long; 0: nobody has to approve. */
  readonly approval: number;
  readonly record: boolean;
  /** Undefined: unless there is a list of commands. */
  readonly shell: boolean | undefined;
  /** Empty: any. */
  readonly allowCommand: readonly string[];
  /** Undefined: unless there is a list of commands. */
  readonly fileTransfer: boolean | undefined;
  readonly forwardTo: readonly string[];
  readonly forwardFrom: readonly string[];
  readonly forwardSockets: boolean;
  readonly forwardAgent: boolean;
  readonly forwardX11: boolean;
  readonly jump: boolean;
  readonly idleTimeout: number;
  readonly sessionTimeout: number;
}

export function sessionTerms(request: SessionRequest): Result<SessionTerms> {
  const wrong =
    fault(request.allowCommand, isCommand, 'is not a pattern for a command') ??
    fault(request.forwardTo, isTarget, 'is not a target; say host:port, where * stands for any') ??
    fault(request.forwardFrom, isListener, 'is not a listener; say port or host:port, where * stands for any');
  if (wrong !== undefined) return failure(wrong);
  const durations = [request.approval, request.idleTimeout, request.sessionTimeout];
  if (!durations.every(seconds => Number.isInteger(seconds) && seconds >= 0 && seconds <= longestSeconds))
    return failure(`say whole seconds, up to ${longestSeconds}; 0 is none`);
  const isListed = request.allowCommand.length > 0;
  const { shell = !isListed, fileTransfer = !isListed } = request;
  if (isListed && shell) return failure('--shell and --allow-command exclude each other: a shell runs any command');
  if (!fileTransfer && request.allowCommand.some(movesFiles))
    return failure('one of the commands moves files; add --file-transfer');
  // A jump shows the proxy nothing that it could record, hold back or end by a command's name.
  if (request.jump && request.record)
    return failure('--jump and --record exclude each other: nothing is seen of a jump');
  return done({
    approvalMs: request.approval * 1000,
    record: request.record,
    shell,
    commands: isListed ? request.allowCommand : undefined,
    fileTransfer,
    forwarding: {
      local: request.forwardTo,
      remote: request.forwardFrom,
      streamlocal: request.forwardSockets,
      agent: request.forwardAgent,
      x11: request.forwardX11,
      jump: request.jump,
    },
    idleMs: request.idleTimeout * 1000,
    sessionMs: request.sessionTimeout * 1000,
  });
}

/** What differs from the usual, in the words of the options. */
export function sayTerms(terms: SessionTerms): string[] {
  const usual = usualTerms();
  const { forwarding } = terms;
  return [
    ...(terms.approvalMs === 0 ? [] : [`approval ${terms.approvalMs / 1000}`]),
    ...(terms.record === usual.record ? [] : ['record']),
    ...(terms.shell === usual.shell ? [] : ['no-shell']),
    ...(terms.commands ?? []).map(command => `allow-command ${command}`),
    ...(terms.fileTransfer === usual.fileTransfer ? [] : ['no-file-transfer']),
    ...forwarding.local.map(target => `forward-to ${target}`),
    ...forwarding.remote.map(listener => `forward-from ${listener}`),
    ...(forwarding.streamlocal ? ['forward-sockets'] : []),
    ...(forwarding.agent ? ['forward-agent'] : []),
    ...(forwarding.x11 ? ['forward-x11'] : []),
    ...(forwarding.jump ? ['jump'] : []),
    ...(terms.idleMs === 0 ? [] : [`idle-timeout ${terms.idleMs / 1000}`]),
    ...(terms.sessionMs === 0 ? [] : [`session-timeout ${terms.sessionMs / 1000}`]),
  ];
}

/** A month. */
const longestSeconds = 2_678_400;

function fault(texts: readonly string[], isOne: (text: string) => boolean, what: string): string | undefined {
  const wrong = texts.find(text => !isOne(text));
  return wrong === undefined ? undefined : `${wrong} ${what}`;
}

function isCommand(text: string): boolean {
  return /^[^\p{Cc}]{1,1024}$/u.test(text);
}

/** The access proxy takes a `*` for any, and no other pattern: whoever grants one is to know that it grants nothing. */
function isTarget(text: string): boolean {
  return /^(?:\[[0-9a-fA-F:.]+\]|[\w.-]{1,253}|\*):(?:\*|\d{1,5})$/.test(text);
}

function isListener(text: string): boolean {
  return /^(?:\*|\d{1,5})$/.test(text) || isTarget(text);
}
