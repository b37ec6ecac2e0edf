/** The kinds of options: how each is read, and what is said when it is wrong. */

import type { TomlValue } from 'smol-toml';
import { cleanText } from '../protocol/clean.ts';
import { nearest } from './nearest.ts';
import {
  type Fault,
  isTable,
  mustBe,
  nounOf,
  type Option,
  plain,
  type Reading,
  readList,
  valid,
  wrong,
} from './option.ts';

export function flag(doc: string, standard = false): Option<boolean> {
  const expects = 'true or false';
  return {
    ...plain(expects, standard, String(standard), doc),
    read: value => (typeof value === 'boolean' ? valid(value) : wrong(mustBe(expects, value), booleanMeant(value))),
  };
}

export interface Range {
  readonly min: number;
  readonly max: number;
}

export function integer(doc: string, standard: number, { min, max }: Range): Option<number> {
  const expects = `an integer from ${min} to ${max}`;
  return {
    ...plain(expects, standard, String(standard), doc),
    read: value =>
      isIntegerIn(value, min, max) ? valid(value) : wrong(`must be ${expects}, not ${shownNumber(value)}`),
  };
}

/** Written in seconds, and read as milliseconds. */
export function seconds(doc: string, standard: number, { min, max }: Range): Option<number> {
  const expects = `a whole number of seconds from ${min} to ${max}`;
  return {
    ...plain(expects, standard * 1000, String(standard), doc),
    read: value =>
      isIntegerIn(value, min, max) ? valid(value * 1000) : wrong(`must be ${expects}, not ${shownNumber(value)}`),
  };
}

export function choice<const C extends string>(doc: string, all: readonly C[], standard: C): Option<C> {
  const expects = quotedList(all, 'or');
  return {
    ...plain(expects, standard, JSON.stringify(standard), doc),
    read: value => readChoice(value, all, expects),
  };
}

export function choices<const C extends string>(
  doc: string,
  all: readonly C[],
  standard: readonly NoInfer<C>[],
): Option<readonly C[]> {
  const expects = `a list of ${quotedList(all, 'and')}`;
  return {
    ...plain<readonly C[]>(expects, standard, tomlList(standard), doc),
    read: value => readList(value, expects, item => readChoice(item, all, quotedList(all, 'or'))),
  };
}

/** A word or path; one with a mere example is empty unless set. `check` says what is wrong, never quoting the value. */
export function text(
  doc: string,
  expects: string,
  shown: { readonly standard: string } | { readonly example: string },
  check: (value: string) => string | undefined,
): Option<string> {
  const isExample = 'example' in shown;
  const standard = isExample ? '' : shown.standard;
  return {
    ...plain(expects, standard, JSON.stringify(isExample ? shown.example : standard), doc),
    isExample,
    read: value => {
      if (typeof value !== 'string') return wrong(mustBe(expects, value));
      const fault = check(value);
      return fault === undefined ? valid(value) : wrong(`must be ${expects}: ${fault}`);
    },
  };
}

/** Names of users or groups. */
export function names(doc: string): Option<readonly string[]> {
  const expects = 'a list of names';
  return { ...plain<readonly string[]>(expects, [], '[]', doc), read: value => readList(value, expects, readName) };
}

/** Names as the original wrote them, `"root, backup"`, or as a list. */
export function namesOrCsv(doc: string): Option<readonly string[]> {
  const expects = 'a list of names, or names with commas between them';
  return {
    ...plain<readonly string[]>(expects, [], '[]', doc),
    read: value => {
      if (typeof value !== 'string') return readList(value, expects, readName);
      const parts = value.split(',').map(part => part.trim());
      return readList(
        parts.filter(part => part !== ''),
        expects,
        readName,
      );
    },
  };
}

/** A table whose keys and values are the administrator's. The two checks say what is wrong. */
export function map(
  doc: string,
  expects: string,
  checkKey: (key: string) => string | undefined,
  checkValue: (value: string) => string | undefined,
): Option<ReadonlyMap<string, string>> {
  return {
    ...plain<ReadonlyMap<string, string>>(`a table of ${expects}`, new Map(), undefined, doc),
    read: value => {
      if (!isTable(value)) return wrong(mustBe(`a table of ${expects}`, value));
      const entries = new Map<string, string>();
      const faults: Fault[] = [];
      for (const [key, entry] of Object.entries(value)) {
        const fault = typeof entry === 'string' ? (checkKey(key) ?? checkValue(entry)) : `has ${nounOf(entry)}`;
        if (typeof entry === 'string' && fault === undefined) entries.set(key, entry);
        else faults.push({ key, text: `must hold ${expects}, but ${JSON.stringify(cleanText(key, 80))} ${fault}` });
      }
      if (faults.length > 0) return { kind: 'wrong', faults };
      return valid(entries);
    },
  };
}

function isIntegerIn(value: TomlValue, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
}

function shownNumber(value: TomlValue): string {
  return typeof value === 'number' ? String(value) : nounOf(value);
}

function booleanMeant(value: TomlValue): string | undefined {
  const word = typeof value === 'number' || typeof value === 'string' ? String(value).trim().toLowerCase() : '';
  if (['true', 'yes', 'on', 'y', '1'].includes(word)) return 'write true, without quotes';
  if (['false', 'no', 'off', 'n', '0'].includes(word)) return 'write false, without quotes';
  return undefined;
}

function readChoice<C extends string>(value: TomlValue, all: readonly C[], expects: string): Reading<C> {
  if (typeof value !== 'string') return wrong(mustBe(expects, value));
  const found = all.find(known => known === value);
  if (found !== undefined) return valid(found);
  const near = nearest(value, all);
  return wrong(`must be ${expects}`, near === undefined ? undefined : `did you mean "${near}"?`);
}

function readName(value: TomlValue): Reading<string> {
  if (typeof value !== 'string') return wrong(`must hold names, not ${nounOf(value)}`);
  if (value === '') return wrong('must not hold an empty name');
  // Group names from a directory may hold blanks ("domain users"); none holds these (shadow-utils, Winbind).
  return /[,:\p{Cc}]/u.test(value) || value.trim() !== value
    ? wrong('must hold names without commas, colons and surrounding blanks', 'one name per item: ["alice", "bob"]')
    : valid(value);
}

function quotedList(words: readonly string[], conjunction: string): string {
  const quoted = words.map(word => JSON.stringify(word));
  const last = quoted.at(-1) ?? '';
  return quoted.length < 2 ? last : `${quoted.slice(0, -1).join(', ')} ${conjunction} ${last}`;
}

function tomlList(words: readonly string[]): string {
  return `[${words.map(word => JSON.stringify(word)).join(', ')}]`;
}
