/** Patterns as in ssh_config(5) PATTERNS: `*` stands for any characters or none, `?` for one. They match whole. */
export function matchesPattern(pattern: string, text: string): boolean {
  let [p, at, star, resume] = [0, 0, -1, 0];
  // Back to the last `*` is far enough, so that no pattern takes more than its length times that of the text.
  while (at < text.length) {
    if (pattern[p] === '*') {
      star = p++;
      resume = at;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[at])) {
      p++;
      at++;
    } else if (star !== -1) {
      p = star + 1;
      at = ++resume;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

export function matchesAny(patterns: readonly string[], text: string): boolean {
  return patterns.some(pattern => matchesPattern(pattern, text));
}

export function isPattern(text: string): boolean {
  return /[*?]/.test(text);
}
