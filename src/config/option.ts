/** What one option is: what it may hold, its default, its words in the manual, and how it is read. */
import type { TomlTable, TomlValue } from 'smol-toml';

export interface Option<T> {
  /** What it may hold: "must be …", and in the manual. */
  readonly expects: string;
  readonly standard: T;
  /** The default, or else an example, as one writes it in the file; undefined for a table. */
  readonly shown: string | undefined;
  readonly isExample: boolean;
  /** Its value must not be printed, and its file must not be readable by everyone. */
  readonly secret: boolean;
  /** One sentence or two, for the manual. */
  readonly doc: string;
  readonly read: (value: TomlValue) => Reading<T>;
}

export type Reading<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'wrong'; readonly faults: readonly Fault[] };

/** `text` follows the name of the option: "must be true or false, not a string". It never quotes a secret. */
export interface Fault {
  readonly text: string;
  readonly hint?: string;
  /** Of the entry, in a table. */
  readonly key?: string;
}

export function valid<T>(value: T): Reading<T> {
  return { kind: 'value', value };
}

export function wrong(text: string, hint?: string): { readonly kind: 'wrong'; readonly faults: readonly Fault[] } {
  return { kind: 'wrong', faults: [hint === undefined ? { text } : { text, hint }] };
}

export function secret<T>(option: Option<T>): Option<T> {
  return { ...option, secret: true };
}

/** The parts that are alike for every kind. */
export function plain<T>(
  expects: string,
  standard: T,
  shown: string | undefined,
  doc: string,
): Omit<Option<T>, 'read'> {
  return { expects, standard, shown, isExample: false, secret: false, doc };
}

export function readList<T>(
  value: TomlValue,
  expects: string,
  readItem: (item: TomlValue) => Reading<T>,
): Reading<readonly T[]> {
  if (!Array.isArray(value)) {
    const hint = typeof value === 'string' ? 'put it between brackets: ["…"]' : undefined;
    return wrong(mustBe(expects, value), hint);
  }
  const items: T[] = [];
  const faults: Fault[] = [];
  for (const [index, item] of value.entries()) {
    const reading = readItem(item);
    if (reading.kind === 'value') items.push(reading.value);
    else faults.push(...reading.faults.map(fault => ({ ...fault, text: `${fault.text} (item ${index + 1})` })));
  }
  return faults.length === 0 ? valid(items) : { kind: 'wrong', faults };
}

export function isTable(value: TomlValue): value is TomlTable {
  return typeof value === 'object' && !Array.isArray(value) && !(value instanceof Date);
}

export function mustBe(expects: string, value: TomlValue): string {
  return `must be ${expects}, not ${nounOf(value)}`;
}

/** No value is quoted: it could be a key in the wrong place. */
export function nounOf(value: TomlValue): string {
  if (typeof value === 'string') return value === '' ? 'an empty string' : 'a string';
  if (typeof value === 'number') return 'a number';
  if (typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return 'a list';
  return isTable(value) ? 'a table' : 'a date or time';
}
