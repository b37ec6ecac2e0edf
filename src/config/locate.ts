/** Where a key stands in TOML text. For messages only: what a key means is smol-toml's to say. */

/** The line of this key, or of the nearest table around it that has one; undefined: nowhere. */
export type LineOf = (path: readonly string[]) => number | undefined;

export function locateKeys(text: string): LineOf {
  const lines = new Map<string, number>();
  let section: readonly string[] = [];
  let openQuote = '';
  for (const [index, line] of text.split('\n').entries()) {
    const wasOpen = openQuote !== '';
    openQuote = quoteLeftOpen(line, openQuote);
    if (wasOpen) continue; // inside a multi-line string nothing is a key
    const header = headerOn(line);
    if (header !== undefined) section = header;
    const path = header ?? [...section, ...keyOn(line)];
    for (let depth = path.length; depth > 0; depth -= 1) {
      const key = JSON.stringify(path.slice(0, depth));
      if (!lines.has(key)) lines.set(key, index + 1);
    }
  }
  return path => {
    for (let depth = path.length; depth > 0; depth -= 1) {
      const line = lines.get(JSON.stringify(path.slice(0, depth)));
      if (line !== undefined) return line;
    }
    return undefined;
  };
}

/** The dotted key that a line begins with, `a."b.c" = …`; empty if it begins with none. */
export function keyOn(line: string): readonly string[] {
  const dotted = /^\s*([^=#[\]{}]+?)\s*=/.exec(line)?.[1];
  return dotted === undefined ? [] : keyParts(dotted);
}

function headerOn(line: string): readonly string[] | undefined {
  const dotted = /^\s*\[\[?([^\]]+)\]/.exec(line)?.[1];
  return dotted === undefined ? undefined : keyParts(dotted);
}

function keyParts(dotted: string): string[] {
  const parts = dotted.matchAll(/"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)/g);
  return Array.from(parts, ([, basic, literal, bare]) => basic ?? literal ?? bare ?? '');
}

function quoteLeftOpen(line: string, openBefore: string): string {
  let open = openBefore;
  if (open === '' && line.trimStart().startsWith('#')) return '';
  for (const [quote] of line.matchAll(/"""|'''/g)) {
    if (open === '') open = quote;
    else if (open === quote) open = '';
  }
  return open;
}
