/**
 * Single-use recovery codes, `rc-XXXXX-XXXXX-XXXXX`: 14 characters of Crockford's base 32 (crockford.com/base32.html), 70
 * bits of chance, and his check symbol, by which any one wrong character and any two swapped ones are known.
 *
 * The shape tells them from codes and from passwords, so that what is none never gets any further. Pure.
 */
import { Secret } from './secret.ts';

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const dataSymbols = 14;

/** Random bytes that {@link makeRecoveryCode} takes. */
export const recoveryCodeBytes = dataSymbols;

/**
 * A code out of random bytes, of which five bits each count. Undefined for 5 in 37 of them: the check symbol would be one
 * of Crockford's `* ~ $ = U`, which are no pleasure to type. Then take others.
 */
export function makeRecoveryCode(random: Uint8Array): Secret | undefined {
  if (random.length !== dataSymbols) throw new RangeError(`a recovery code takes ${dataSymbols} bytes`);
  const data = Array.from(random, byte => alphabet[byte % alphabet.length]).join('');
  const check = alphabet[checkOf(data)];
  return check === undefined ? undefined : new Secret(written(data + check));
}

/** What a text is: a recovery code, in its one spelling; one with a typing error; or something else. */
export type RecoveryCodeReading =
  | { readonly kind: 'code'; readonly code: Secret }
  | { readonly kind: 'mistyped' | 'other' };

/** Takes small letters, any hyphens, and Crockford's look-alikes (O for 0, I and L for 1). Blanks are the caller's. */
export function readRecoveryCode(text: string): RecoveryCodeReading {
  if (text.length > maxTyped) return { kind: 'other' };
  const symbols = /^RC-*([0-9A-Z](?:-*[0-9A-Z]){14})-*$/.exec(text.toUpperCase())?.[1];
  if (symbols === undefined) return { kind: 'other' };
  const typed = symbols.replaceAll('-', '').replaceAll('O', '0').replace(/[IL]/g, '1');
  const data = typed.slice(0, dataSymbols);
  if (typed.includes('U') || alphabet[checkOf(data)] !== typed.at(-1)) return { kind: 'mistyped' };
  return { kind: 'code', code: new Secret(written(typed)) };
}

const maxTyped = 40;

/** The number that the symbols write, modulo 37. */
function checkOf(data: string): number {
  let rest = 0;
  for (const symbol of data) rest = (rest * alphabet.length + alphabet.indexOf(symbol)) % 37;
  return rest;
}

function written(symbols: string): string {
  return `rc-${symbols.slice(0, 5)}-${symbols.slice(5, 10)}-${symbols.slice(10)}`;
}
