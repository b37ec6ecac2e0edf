/**
 * JSON (RFC 8259) in which no object names a member twice: readers disagree about which one counts (§4), and a verdict
 * must mean the same to everybody. Undefined if the bytes are anything else, or not UTF-8.
 */
export function parseStrictJson(bytes: Uint8Array): { readonly value: unknown } | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    return hasDuplicateNames(text) ? undefined : { value };
  } catch {
    return undefined;
  }
}

/** @param text valid JSON, so that tokens suffice: strings, brackets and colons */
function hasDuplicateNames(text: string): boolean {
  const open: (Set<unknown> | undefined)[] = []; // names so far of each open object; undefined for an array
  let string = '';
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (token === ':') {
      const name: unknown = JSON.parse(string); // `\u0061` is `a`
      const names = open.at(-1);
      if (names?.has(name) === true) return true;
      names?.add(name);
    } else string = token;
  }
  return false;
}
