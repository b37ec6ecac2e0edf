/**
 * One line of JSON. What a terminal or an editor could obey (C1, separators, direction overrides) is escaped like C0, so
 * that somebody may look at the file itself.
 */
export function jsonLine(value: unknown): string {
  const escaped = JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `${escaped}\n`;
}
