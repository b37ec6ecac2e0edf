/** Where sshd's files set something. For messages and for the look before; what holds, `sshd -T` says. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

export interface SettingLine {
  readonly file: string;
  readonly line: number;
  /** In lower case. */
  readonly name: string;
  /** As written, blanks squeezed. */
  readonly value: string;
  /** What stands behind the Match around it; empty: none does. */
  readonly match: string;
}

/** Every line in the order in which sshd reads them, with those of included files in the place of Include. */
export function settingLines(file: string, match = '', depth = 0): SettingLine[] {
  const lines: SettingLine[] = [];
  let inside = match;
  for (const [index, text] of readLines(file).entries()) {
    const [, written = '', value = ''] = /^\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(text) ?? [];
    const name = written.toLowerCase();
    if (name === '') continue;
    if (name === 'match') inside = value; // one in an included file ends with that file
    lines.push({ file, line: index + 1, name, value: value.replaceAll(/\s+/g, ' '), match: inside });
    if (name === 'include' && depth < maxDepth)
      for (const included of includedBy(file, value)) lines.push(...settingLines(included, inside, depth + 1));
  }
  return lines;
}

/**
 * The Include that reaches our drop-in, outside of a Match block; undefined: there is none, so sshd would never read it.
 */
export function includeOf(sshdConfig: string, dropIn: string): SettingLine | undefined {
  return settingLines(sshdConfig).find(
    ({ file, name, value, match }) =>
      file === sshdConfig && name === 'include' && match === '' && wouldInclude(file, value, dropIn),
  );
}

/** Lines of others that give `name` the value that holds, or, if none does, any other value. */
export function competingLines(sshdConfig: string, dropIn: string, name: string, value: string): SettingLine[] {
  const others = settingLines(sshdConfig).filter(line => line.name === name && line.file !== dropIn);
  const guilty = others.filter(line => plain(line.value) === plain(value));
  return guilty.length > 0 ? guilty : others;
}

function plain(text: string): string {
  return text.replaceAll('"', '').toLowerCase();
}

/** servconf.c: SERVCONF_MAX_DEPTH. */
const maxDepth = 16;

function includedBy(file: string, patterns: string): string[] {
  return patternsOf(file, patterns).flatMap(pattern => globSync(pattern).toSorted());
}

function wouldInclude(file: string, patterns: string, path: string): boolean {
  return patternsOf(file, patterns).some(pattern => {
    if (dirname(pattern) !== dirname(path)) return pattern === path;
    const regexp = pattern
      .replaceAll(/[.+^${}()|\\]/g, '\\$&')
      .replaceAll('*', '[^/]*')
      .replaceAll('?', '[^/]');
    return new RegExp(`^${regexp}$`).test(path);
  });
}

function patternsOf(file: string, patterns: string): string[] {
  return patterns
    .replaceAll('"', '')
    .split(/\s+/)
    .filter(pattern => pattern !== '')
    .map(pattern => resolve('/etc/ssh', dirname(file), pattern));
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'latin1').split('\n');
  } catch {
    return []; // sshd -t will have more to say
  }
}
