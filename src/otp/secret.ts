/** util.inspect.custom, without loading node:util: that opens process.stderr, which the login path must not. */
const inspectCustom = Symbol.for('nodejs.util.inspect.custom');

/**
 * A value that must not be shown: service keys, codes, passwords, seeds.
 *
 * Printing, string building, JSON and `util.inspect` all give `[secret]`; `expose()` is the one way in, so that
 * `grep expose` lists every place that sees one.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  expose(): string {
    return this.#value;
  }

  /** Length in UTF-16 units; safe to log. */
  get length(): number {
    return this.#value.length;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspectCustom](): string {
    return '[secret]';
  }
}
