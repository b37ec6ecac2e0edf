/** The text of a file of pam.d(5), cut into lines and words as libpam cuts it (libpam/pam_handlers.c, pam_misc.c). */

export interface PamLine {
  /** Where it begins, counted from 1. */
  readonly number: number;
  readonly words: readonly string[];
}

export interface PamLines {
  readonly lines: readonly PamLine[];
  /** What one libpam reads and another does not, or reads otherwise. */
  readonly faults: readonly { readonly number: number; readonly text: string }[];
  /** The last line is continued, but there is no more: libpam refuses the whole file, after it has used what comes before. */
  readonly unfinished: boolean;
}

/** Of a joined line, with its end: Linux-PAM before 1.6 (BUF_SIZE). */
const oldMaxLine = 1023;

/** A `#` begins a comment wherever it stands, and ends the line. A backslash before the line end joins the next one. */
export function cutLines(text: string): PamLines {
  const lines: PamLine[] = [];
  const faults: { number: number; text: string }[] = [];
  let joined = '';
  let first = 0; // line where `joined` began; 0: none
  for (const [index, whole] of text.split('\n').entries()) {
    const line = whole.replace(/^[ \t]+/, '');
    const number = first === 0 ? index + 1 : first;
    if (line === '' || line.startsWith('#')) {
      const isInside = first !== 0 && index < text.split('\n').length - 1;
      if (isInside)
        faults.push({
          number: index + 1,
          text: 'a continued line goes on behind this one, but not for Linux-PAM 1.6 and later',
        });
      continue;
    }
    const plain = line.replace(/#.*$/, '');
    const continued = plain === line ? /^(.*)\\[ \t]*$/.exec(line)?.[1] : undefined;
    if (continued !== undefined) {
      joined += `${continued} `;
      first = number;
      continue;
    }
    joined += plain;
    if (joined.length > oldMaxLine)
      faults.push({ number, text: `is longer than ${oldMaxLine} bytes: Linux-PAM before 1.6 refuses the whole file` });
    lines.push({ number, words: cutWords(joined) });
    joined = '';
    first = 0;
  }
  return { lines, faults, unfinished: first !== 0 };
}

/**
 * Words are parted by blanks and tabs. `[…]` is one word without its brackets, in which `\]` is a `]`; what follows the
 * closing bracket is the next word, blank or no blank.
 */
function cutWords(line: string): string[] {
  const found = line.matchAll(/\[((?:\\\]|[^\]])*)\]?|([^ \t[][^ \t]*)/g);
  return Array.from(found, ([, bracketed, plain]) => plain ?? bracketed?.replaceAll('\\]', ']') ?? '');
}
