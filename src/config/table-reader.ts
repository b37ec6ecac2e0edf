/** A table whose name is the administrator's, as `[proxy.services.web1]`: each fault says in which one, and all are found. */
import type { TomlTable, TomlValue } from 'smol-toml';
import { cleanText } from '../protocol/clean.ts';
import { nearest } from './nearest.ts';
import { type Fault, isTable, mustBe, nounOf, type Reading, valid, wrong } from './option.ts';
import type { Range } from './option-kinds.ts';

/** @param readOne reports faults through its reader; what it returns counts if there are none */
export function readTables<T>(
  value: TomlValue,
  expects: string,
  known: readonly string[],
  readOne: (reader: TableReader) => T,
): Reading<ReadonlyMap<string, T>> {
  if (!isTable(value)) return wrong(mustBe(expects, value));
  const all = new Map<string, T>();
  const faults: Fault[] = [];
  for (const [name, table] of Object.entries(value)) {
    if (!isTable(table)) {
      faults.push({ key: name, text: `${cleanText(name, 64)}: must be a table, not ${nounOf(table)}` });
      continue;
    }
    all.set(name, readOne(new TableReader(name, table, known, faults)));
  }
  return faults.length === 0 ? valid(all) : { kind: 'wrong', faults };
}

export class TableReader {
  readonly name: string;
  readonly #table: TomlTable;
  readonly #faults: Fault[];

  constructor(name: string, table: TomlTable, known: readonly string[], faults: Fault[]) {
    this.name = name;
    this.#table = table;
    this.#faults = faults;
    for (const key of Object.keys(table)) if (!known.includes(key)) this.#unknown(key, known);
  }

  fault(text: string, hint?: string): void {
    const name = cleanText(this.name, 64);
    this.#faults.push({ key: this.name, text: `${name}: ${text}`, ...(hint !== undefined && { hint }) });
  }

  /** Own keys only: `constructor` is a name like any other. */
  value(key: string): TomlValue | undefined {
    return Object.hasOwn(this.#table, key) ? this.#table[key] : undefined;
  }

  /** Empty if there is none. */
  text(key: string, check: (value: string) => string | undefined): string {
    const value = this.value(key);
    if (value === undefined) return '';
    if (typeof value !== 'string') {
      this.fault(`${key} must be a string, not ${nounOf(value)}`);
      return '';
    }
    const fault = check(value);
    if (fault !== undefined) this.fault(`${key} is wrong: ${fault}`);
    return value;
  }

  /** One string or a list of them; undefined if there is none, or none that is good. */
  texts(key: string): readonly string[] | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    const list: readonly TomlValue[] = Array.isArray(value) ? value : [value];
    const texts = list.filter(item => typeof item === 'string');
    if (texts.length === list.length) return texts;
    this.fault(`${key} must be a list of strings`);
    return undefined;
  }

  flag(key: string, standard: boolean): boolean {
    const value = this.value(key) ?? standard;
    if (typeof value === 'boolean') return value;
    this.fault(`${key} must be true or false, not ${nounOf(value)}`);
    return standard;
  }

  /** Written in seconds, and read as milliseconds. */
  seconds(key: string, standard: number, { min, max }: Range): number {
    const value = this.value(key) ?? standard;
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value * 1000;
    const given = typeof value === 'number' ? String(value) : nounOf(value);
    this.fault(`${key} must be a whole number of seconds from ${min} to ${max}, not ${given}`);
    return standard * 1000;
  }

  #unknown(key: string, known: readonly string[]): void {
    const near = nearest(key, known);
    this.fault(`has an unknown option ${cleanText(key, 60)}`, near === undefined ? undefined : `did you mean ${near}?`);
  }
}
