/** TOML text to tables. A syntax error shows its line, unless that may hold a secret. */
import { parse, TomlError, type TomlTable } from 'smol-toml';
import { cleanText } from '../protocol/clean.ts';
import { keyOn, type LineOf, locateKeys } from './locate.ts';
import type { Option } from './option.ts';
import { options } from './options.ts';

export type Document =
  | { readonly kind: 'parsed'; readonly table: TomlTable; readonly lineOf: LineOf }
  | { readonly kind: 'syntax'; readonly line: number; readonly text: string; readonly hint?: string };

export function parseDocument(text: string): Document {
  try {
    return { kind: 'parsed', table: parse(text, { maxDepth: 16 }), lineOf: locateKeys(text) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    return syntaxError(error, text.split('\n')[error.line - 1] ?? '');
  }
}

/** The library's own message quotes three lines of the file, so only its first line is taken. */
function syntaxError(error: TomlError, line: string): Document {
  const reason = (error.message.split('\n')[0] ?? '').replace('Invalid TOML document: ', '');
  const shown = mayBeShown(line) ? cleanText(line, 120) : '(line not shown, it may hold a secret)';
  const problem = {
    kind: 'syntax',
    line: error.line,
    text: `syntax error at column ${error.column}, ${reason}: ${shown}`,
  } as const;
  const hint = hintFor(line, reason);
  return hint === undefined ? problem : { ...problem, hint };
}

/** Only what begins with a known option that is no secret, and holds nothing else. */
function mayBeShown(line: string): boolean {
  if (/^\s*\[[\w.\s]*\]?\s*$/.test(line)) return true;
  const option = optionOn(line);
  const assignments = line.split('=').length - 1;
  return option !== undefined && !option.secret && assignments === 1 && !/secret|key|@|#/i.test(valueOn(line));
}

function hintFor(line: string, reason: string): string | undefined {
  if (reason.includes('control characters are not allowed in strings')) return 'close the quotes on the same line';
  if (/^\s*[\w.-]+\s*:/.test(line)) return 'write key = value, with an equals sign';
  const value = valueOn(line);
  if (/^(true|false)\b/.test(value)) return undefined;
  if (optionOn(line)?.expects === 'true or false') return 'write true or false, without quotes';
  return /^[A-Za-z/]/.test(value) ? 'put the value between double quotes' : undefined;
}

function valueOn(line: string): string {
  const equals = line.indexOf('=');
  return equals === -1 ? '' : line.slice(equals + 1).trim();
}

function optionOn(line: string): Option<unknown> | undefined {
  const name = keyOn(line).at(-1);
  const rows: Option<unknown>[] = Object.values(options)
    .flatMap(section => Object.entries<Option<unknown>>(section))
    .filter(([known]) => known === name)
    .map(([, option]) => option);
  return rows[0];
}
