import { parseObject } from '../json.ts';

/** Longest value of a field, in UTF-16 units. */
const maxFieldLength = 8192;

/**
 * Reads a JSON object with the named text fields; others are ignored. As in TRASA's server a missing field and `null`
 * are the empty text, and anything that is not text makes the request malformed: undefined.
 */
export function parseFields<const Name extends string>(
  body: Buffer,
  names: readonly Name[],
): Readonly<Record<Name, string>> | undefined {
  const object = parseObject(decode(body));
  if (object === undefined) return undefined;
  const fields: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const value = Object.hasOwn(object, name) ? (object[name] ?? '') : '';
    if (typeof value !== 'string' || value.length > maxFieldLength) return undefined;
    fields[name] = value;
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every name was given its text just now
  return fields as Record<Name, string>;
}

/** Empty, and so no JSON, if it is not UTF-8. */
function decode(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return '';
  }
}
