/** The catalogue on disk, for a start of the proxy while the server is away. There is no secret in it. */

import { replacePrivateFile } from '../../host/private-file.ts';
import { readSafely } from '../../host/safe-open.ts';
import { type Catalogue, parseCatalogue } from '../../trasa/catalogue.ts';

export interface Cached {
  readonly revision: string;
  /** When the server last said that it holds. Milliseconds since 1970. */
  readonly confirmedAt: number;
  /** As it came. */
  readonly message: unknown;
}

const maxBytes = 64 * 1024 * 1024;

/**
 * Undefined: there is none. A string says why the one that is there cannot be used.
 *
 * @param source of whom it must be: another server's says nothing here
 */
export function readCached(
  file: string,
  source: string,
): (Cached & { readonly catalogue: Catalogue }) | string | undefined {
  const read = readSafely(file, { maxBytes, secret: true });
  if (read.kind === 'refused') return read.problem.cause === 'missing' ? undefined : `${file} ${read.problem.text}`;
  const kept = parse(read.text);
  if (kept === undefined) return `${file} is not what was written there`;
  if (kept['source'] !== source) return `${file} is of another server`;
  const { revision, confirmedAt, message } = kept;
  if (typeof revision !== 'string' || typeof confirmedAt !== 'number') return `${file} is not what was written there`;
  const catalogue = parseCatalogue(message);
  return typeof catalogue === 'string' ? `${file}: ${catalogue}` : { revision, confirmedAt, message, catalogue };
}

/** Throws if the disk does not take it. */
export function writeCached(file: string, source: string, cached: Cached): void {
  replacePrivateFile(file, JSON.stringify({ source, ...cached }));
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
