/** What is wrong with a string, in words that never quote it; undefined if nothing is. */
import { parseTrasaID } from '../policy/identity.ts';

/** A key or an ID. */
export function notAWord(value: string): string | undefined {
  if (value === '') return 'it is empty';
  return /^[\x21-\x7e]{1,512}$/.test(value) ? undefined : 'it holds blanks or characters outside ASCII, or is too long';
}

/** Empty means none. */
export function notAPath(value: string): string | undefined {
  if (value === '') return undefined;
  if (/\p{Cc}/u.test(value)) return 'it holds control characters';
  if (!value.startsWith('/')) return 'it does not begin with /';
  return value.split('/').includes('..') ? 'it holds ..' : undefined;
}

export function notAGivenPath(value: string): string | undefined {
  return value === '' ? 'it is empty' : notAPath(value);
}

export function notASocketPath(value: string): string | undefined {
  const fits = Buffer.byteLength(value) <= 107; // unix(7): sun_path, less its final NUL
  return notAGivenPath(value) ?? (fits ? undefined : 'it is longer than 107 bytes');
}

export function notADomain(value: string): string | undefined {
  if (value === '') return undefined;
  if (value.startsWith('@')) return 'leave out the @';
  return /^[\p{L}\p{N}](?:[\p{L}\p{N}.-]{0,188}[\p{L}\p{N}])?$/u.test(value) ? undefined : 'it is not one';
}

export function notAnAccount(value: string): string | undefined {
  return value === '' || /[:\p{Cc}]/u.test(value) ? 'is not the name of an account' : undefined;
}

export function notATrasaID(value: string): string | undefined {
  return parseTrasaID(value) === value ? undefined : 'does not lead to a TRASA ID (an email address or a user name)';
}

export function notAFingerprint(value: string): string | undefined {
  return /^SHA256:[A-Za-z0-9+/]{43}$/.test(value) ? undefined : 'is not a fingerprint as ssh-keygen -l prints it';
}
