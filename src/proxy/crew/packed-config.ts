import type { AgentConfig } from '../../config/config.ts';
import { Secret } from '../../otp/secret.ts';

declare const packed: unique symbol;

/**
 * A configuration on its way to a worker, which is to have this one and no other: by the time that it starts, the file may
 * say something else, or be broken.
 */
export interface PackedConfig {
  readonly [packed]: AgentConfig;
}

export function packConfig(config: AgentConfig): PackedConfig {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nobody but unpackConfig looks into it
  return pack(config) as PackedConfig;
}

export function unpackConfig(from: PackedConfig): AgentConfig {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it was one before it was packed
  return unpack(from) as AgentConfig;
}

/** Marks what structured clone would make a plain object of, or refuse. */
const mark = 'of class';

function pack(value: unknown): unknown {
  if (value instanceof Secret) return { [mark]: 'Secret', text: value.expose() };
  if (value instanceof URL) return { [mark]: 'URL', text: value.href };
  return each(value, pack);
}

function unpack(value: unknown): unknown {
  if (typeof value === 'object' && value !== null && mark in value && 'text' in value) {
    const text = String(value.text);
    return value[mark] === 'Secret' ? new Secret(text) : new URL(text);
  }
  if (value instanceof Uint8Array) return Buffer.from(value);
  return each(value, unpack);
}

/** The same, with each value in it changed. */
function each(value: unknown, change: (value: unknown) => unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(change);
  if (value instanceof Map) return new Map([...value].map(([key, one]) => [key, change(one)]));
  if (Object.getPrototypeOf(value) !== Object.prototype)
    throw new TypeError(`a ${value.constructor.name} cannot be told to a worker`);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, change(one)]));
}
