/**
 * Text that came from elsewhere, made fit for a terminal or a log: control characters (C0, DEL, C1), line and paragraph
 * separators, direction overrides and lone surrogates become `?`, runs of blanks (of any width) one blank, and the rest is cut at
 * `max` characters with an ellipsis.
 */
export function cleanText(text: string, max: number): string {
  const bounded = text.slice(0, max * 4); // bounds the work below, whatever arrives
  const plain = bounded
    .toWellFormed()
    .replace(/[\t\n\r\p{Zs}]+/gu, ' ')
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Cf}\p{Cs}\p{Co}\uFFFD]/gu, '?')
    .trim();
  const chars = Array.from(plain);
  const isWhole = chars.length <= max && bounded.length === text.length; // what is behind many blanks is cut off, too
  return isWhole ? plain : `${chars.slice(0, max - 1).join('')}…`;
}
