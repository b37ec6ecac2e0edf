/**
 * How long a 429 asks us to wait, in milliseconds (RFC 9110 §10.2.3: seconds, or a date). Never less than
 * {@link leastWaitMs}, so that a date in the past makes no tight loop; without a header that we can read, a second.
 *
 * @param now ms since 1970
 */
export function retryAfterMs(header: string | undefined, now: number): number {
  const asked = parse(header?.trim() ?? '', now);
  return Math.max(leastWaitMs, asked ?? 1_000);
}

const leastWaitMs = 100;

function parse(text: string, now: number): number | undefined {
  if (/^\d+$/.test(text)) return Number(text) * 1_000; // as large as it likes: Infinity is a number too
  // IMF-fixdate (§5.6.7); nobody generates the two obsolete forms.
  if (!/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text)) return undefined;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : date - now;
}
