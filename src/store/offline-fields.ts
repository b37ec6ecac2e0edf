/** What may stand in JSON of ours that somebody may have edited. */
import type { Algorithm } from '../otp/totp.ts';

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A whole number from 1 to `max`. */
export function isUpTo(max: number, value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max;
}

/** Milliseconds since 1970, as far as Date reaches (ECMA-262, time values). */
export function isTime(value: unknown): value is number {
  return isUpTo(8.64e15, value);
}

export function isAlgorithm(value: unknown): value is Algorithm {
  return value === 'sha1' || value === 'sha256' || value === 'sha512';
}

/** Undefined if it is no list, or one of its items is none. */
export function readList<T>(value: unknown, readItem: (item: unknown) => T | undefined): T[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const items: T[] = [];
  for (const item of value as unknown[]) {
    const read = readItem(item);
    if (read === undefined) return undefined;
    items.push(read);
  }
  return items;
}
