/** The tables of a document, read by the table of options. Every problem is found, not only the first. */
import type { TomlTable, TomlValue } from 'smol-toml';
import { cleanText } from '../protocol/clean.ts';
import type { Problem } from './config.ts';
import type { LineOf } from './locate.ts';
import { nearest } from './nearest.ts';
import { isTable, type Option } from './option.ts';
import { options, type Section, sectionNames, type Values } from './options.ts';
import { problemAt } from './problem.ts';

/** The table in which the original PAM module's file keeps what is at the top of ours. */
export const originalTable = 'trasaPAM';

/** More are not listed: whoever has mended these will see the rest. */
const maxProblems = 100;

export interface ReadOptions {
  readonly values: Values;
  /** Options that the file sets, as `serviceID` or `policy.grace`. */
  readonly given: ReadonlySet<string>;
  /** Those of them whose value was refused, so that it is still the default. */
  readonly faulty: ReadonlySet<string>;
  readonly problems: readonly Problem[];
  readonly lineOf: LineOf;
}

export function readOptions(file: string, table: TomlTable, lineOf: LineOf): ReadOptions {
  const reader = new Reader(file, lineOf);
  for (const [key, value] of Object.entries(table)) {
    const section = key === originalTable ? 'top' : sectionNames().find(name => name !== 'top' && name === key);
    if (section === undefined) reader.readOption('top', [key], value);
    else if (isTable(value))
      for (const [name, item] of Object.entries(value)) reader.readOption(section, [key, name], item);
    else reader.report([key], `${key} must be a section`, `write [${key}] on a line of its own`);
  }
  return reader.result();
}

class Reader {
  readonly #file: string;
  readonly #lineOf: LineOf;
  readonly #values: Record<string, Record<string, unknown>> = standardValues();
  readonly #given = new Map<string, readonly string[]>();
  readonly #faulty = new Set<string>();
  readonly #problems: Problem[] = [];

  constructor(file: string, lineOf: LineOf) {
    this.#file = file;
    this.#lineOf = lineOf;
  }

  /** @param path the key as it stands in the file, with its section */
  readOption(section: Section, path: readonly string[], value: TomlValue): void {
    const name = path.at(-1) ?? '';
    const option = optionNamed(section, name);
    if (option === undefined) return this.#reportUnknown(section, path, value);
    const id = optionID(section, name);
    const before = this.#given.get(id);
    if (before !== undefined)
      return this.report(path, `${name} is set twice`, `line ${this.#lineOf(before)} sets it too`);
    this.#given.set(id, path);

    const reading = option.read(value);
    if (reading.kind === 'value') return this.#set(section, name, reading.value);
    this.#faulty.add(id);
    for (const { key, text, hint } of reading.faults)
      this.report(key === undefined ? path : [...path, key], `${name} ${text}`, hint);
  }

  report(path: readonly string[], text: string, hint?: string): void {
    if (this.#problems.length < maxProblems) this.#problems.push(problemAt(this.#file, this.#lineOf(path), text, hint));
  }

  result(): ReadOptions {
    const lineOf: LineOf = path => this.#lineOf(this.#given.get(path.join('.')) ?? path);
    return {
      // The shape is the table's: standardValues() made it so, and only what a row has read is put in.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- for that reason
      values: this.#values as unknown as Values,
      given: new Set(this.#given.keys()),
      faulty: this.#faulty,
      problems: this.#problems,
      lineOf,
    };
  }

  #set(section: Section, name: string, value: unknown): void {
    const values = this.#values[section];
    if (values !== undefined) values[name] = value;
  }

  #reportUnknown(section: Section, path: readonly string[], value: TomlValue): void {
    const name = path.at(-1) ?? '';
    const shown = cleanText(name, 60);
    const what = section === 'top' && isTable(value) ? `section [${shown}]` : `option ${shown}`;
    const where = section === 'top' ? '' : ` in [${path[0]}]`;
    this.report(path, `unknown ${what}${where}`, hintForUnknown(section, name));
  }
}

function hintForUnknown(section: Section, name: string): string | undefined {
  const home = sectionNames().find(other => optionNamed(other, name) !== undefined);
  if (home === 'top') return 'it belongs at the top of the file, above the first [section]';
  if (home !== undefined) return `it belongs in the section [${home}]`;
  const sections = section === 'top' ? sectionNames().filter(other => other !== 'top') : [];
  const near = nearest(name, [...Object.keys(options[section]), ...sections]);
  if (near === undefined) return undefined;
  return `did you mean ${sections.some(other => other === near) ? `[${near}]` : near}?`;
}

function optionID(section: Section, name: string): string {
  return section === 'top' ? name : `${section}.${name}`;
}

/** Own rows only: `__proto__` and `constructor` are names like any other. */
function optionNamed(section: Section, name: string): Option<unknown> | undefined {
  const rows: Record<string, Option<unknown>> = options[section];
  return Object.hasOwn(rows, name) ? rows[name] : undefined;
}

function standardValues(): Record<string, Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(options).map(([section, rows]) => [
      section,
      Object.fromEntries(Object.entries<Option<unknown>>(rows).map(([name, option]) => [name, option.standard])),
    ]),
  );
}
