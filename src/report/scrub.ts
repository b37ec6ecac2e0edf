/** The last look at a text that leaves the host: what is a secret, or looks like one, is struck out. */
import type { Secret } from '../otp/secret.ts';

const struck = '[struck out]';

/** What a secret looks like, whoever it belongs to. */
const shapes: readonly RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /otpauth:\/\/\S*/gi,
  /\brc-?[0-9a-z]{5}-?[0-9a-z]{5}-?[0-9a-z]{5}\b/gi, // recovery codes (otp/recovery-code.ts)
  /\b[A-Z2-7]{32}\b/g, // a TOTP secret of 160 bits in base32
  /(?<=:\/\/)[^\s/@]+(?=@)/g, // user and password in a URL
  /(?<=\b(?:authorization|proxy-authorization)\s*[:=]\s*)\S[^\n]*/gi,
  /(?<=(?:key|secret|password|passwd|passphrase|token|totpcode|code)"?\s*[:=]\s*"?)[^\s",}]+/gi,
];

/** @param known secrets of this host; of three characters or less nothing can be told apart from chance */
export function scrub(text: string, known: readonly Secret[]): string {
  let scrubbed = text;
  // One may be the beginning of another, of which nothing is to be left.
  const longest = known.flatMap(secret => spellings(secret.expose())).toSorted((a, b) => b.length - a.length);
  for (const spelling of longest) scrubbed = scrubbed.replaceAll(spelling, struck);
  for (const shape of shapes) scrubbed = scrubbed.replace(shape, struck);
  return scrubbed;
}

/** As it is, and as JSON and a URL would have it. */
function spellings(secret: string): readonly string[] {
  if (secret.length <= 3) return [];
  return [...new Set([secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)])];
}
