/**
 * May this command line be run under this grant? A command goes to a shell on the host, which reads it by its own rules. So
 * there are two readings of it, which err to opposite sides: {@link plainWords} takes nothing that a shell could make
 * something else of, and what it takes may be let through by a pattern; {@link movesFiles} suspects much, and is there to
 * refuse.
 */
import type { Grant } from './grant.ts';
import { isPattern, matchesPattern } from './pattern.ts';

export function mayRun(command: string, { commands, fileTransfer }: Grant): boolean {
  if (movesFiles(command) && !fileTransfer) return false;
  if (commands === undefined) return true;
  const words = plainWords(command);
  if (words !== undefined && fileTransfer && isTransfer(words)) return true;
  const plain = words?.join(' ');
  return commands.some(allowed =>
    isPattern(allowed) ? plain !== undefined && matchesPattern(allowed, plain) : allowed === command,
  );
}

/** The sftp subsystem is no command, but moves files as one does. */
export function mayStart(subsystem: string, { fileTransfer }: Grant): boolean {
  return subsystem === 'sftp' && fileTransfer;
}

/**
 * The words of a command in which a shell finds nothing to do but to take quotes off: no operator, variable, pattern,
 * redirection, assignment or comment. Undefined if it is anything else.
 */
export function plainWords(command: string): string[] | undefined {
  if (!/^ *(?:[\w@%+=:,./-]|\\[\x20-\x7e]|'[^'\p{Cc}]*'|"[^"$`\\!\p{Cc}]*"| )*$/u.test(command)) return undefined;
  const words = command.match(/(?:[\w@%+=:,./-]|\\.|'[^']*'|"[^"]*")+/gu)?.map(withoutQuotes) ?? [];
  return words.length === 0 || words[0]?.includes('=') === true ? undefined : words;
}

/** Is there anything in it that is run on a host to move files, in whatever clothes? A shell knows more than we look for. */
export function movesFiles(command: string): boolean {
  const words = command
    .replace(/['"\\]/g, '')
    .split(/[\s;&|<>(){}`$=]+/)
    .map(programOf);
  const behind = (program: string, isMode: (word: string) => boolean): boolean => {
    const at = words.indexOf(program);
    return at !== -1 && words.slice(at + 1).some(isMode);
  };
  return (
    words.some(word => word === 'sftp-server' || word === 'internal-sftp') ||
    behind('scp', word => /^-[A-Za-z]*[tf]/.test(word)) ||
    behind('rsync', word => /^--(?:server|daemon)/.test(word))
  );
}

/**
 * Exactly what the scp, rsync and sftp of today ask a host for, by programs in the host's own directories: one of the
 * account's own could be anything. `rsync --server --daemon` is not of them, for its configuration names commands, nor is one
 * that gets its options later (-s).
 */
function isTransfer([first = '', ...rest]: readonly string[]): boolean {
  switch (/^(?:\/usr\/bin\/|\/bin\/)?(scp|rsync)$/.exec(first)?.[1]) {
    case 'scp': {
      const mode = rest.findIndex(word => word === '-t' || word === '-f');
      const [path = '', ...more] = rest.slice(mode + 1);
      const isPaths = path === '--' ? more.length > 0 : path !== '' && ![path, ...more].some(isOption);
      return mode !== -1 && rest.slice(0, mode).every(word => /^-[vrpdq]+$/.test(word)) && isPaths;
    }
    case 'rsync':
      return rest[0] === '--server' && !rest.some(isNoTransfer);
    case undefined:
    default:
      return (
        rest.length === 0 && /^(?:internal-sftp|\/usr\/(?:lib|libexec)\/(?:(?:open)?ssh\/)?sftp-server)$/.test(first)
      );
  }
}

function isOption(word: string): boolean {
  return word.startsWith('-');
}

/** An option with which rsync does something else, or may do anything. */
function isNoTransfer(word: string): boolean {
  return /^(?:-[^-e]*s|--(?:daemon|config|dparam|secluded-args|protect-args))/.test(word);
}

function withoutQuotes(word: string): string {
  return word.replace(/\\(.)|'([^']*)'|"([^"]*)"/gu, (_, ...parts) => String(parts.slice(0, 3).find(isText) ?? ''));
}

function isText(part: unknown): boolean {
  return typeof part === 'string';
}

/** The name of a program without the way to it. */
function programOf(word: string): string {
  return word.slice(word.lastIndexOf('/') + 1);
}
