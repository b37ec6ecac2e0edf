/**
 * Output of a stranger's program, made fit for the terminal of whoever looks at it later. What draws passes: text, colours,
 * cursor movement, erasing, scrolling, the alternate screen. What makes a terminal answer, or changes anything but its picture,
 * does not: reports, titles, the clipboard (OSC), device control strings, window operations, input modes. Anything unknown is
 * left out, too.
 */
/* oxlint-disable no-control-regex -- control characters are what this is about */
export class TerminalFilter {
  /** The beginning of a sequence whose rest is to come. */
  #held = '';

  write(text: string): string {
    const all = this.#held + text;
    this.#held = '';
    let shown = '';
    let at = 0;
    for (const match of all.matchAll(controls)) {
      if (match.index < at) continue; // within a sequence that is dealt with
      shown += all.slice(at, match.index);
      const sequence = sequenceAt(all, match.index);
      if (sequence === undefined) {
        this.#held = all.slice(match.index, match.index + maxHeld);
        return shown;
      }
      shown += isHarmless(sequence) ? sequence : '';
      at = match.index + sequence.length;
    }
    return shown + all.slice(at);
  }
}

/** Undoes all that passes and lasts: colours, insertion, origin, wrapping, region, screen, cursor, line drawing. */
export const asBefore = '\u001b[m\u001b[4l\u001b[?6l\u001b[?7h\u001b[r\u001b[?1049l\u001b[?25h\u001b(B\u000f';

/** A string that never ends holds back nothing more than this. */
const maxHeld = 65_536;

/** C0 but for what moves the cursor, DEL, C1, and what turns text around. */
const controls = /[\u0000-\u0007\u000b-\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** The whole sequence that begins there (ECMA-48 §5); undefined if its end is not there yet. */
function sequenceAt(text: string, start: number): string | undefined {
  const first = text.charCodeAt(start);
  const escaped =
    first === 0x1b ? text.charCodeAt(start + 1) : first >= 0x80 && first <= 0x9f ? first - 0x40 : undefined;
  if (first === 0x1b && Number.isNaN(escaped)) return undefined;
  if (first === 0x1b && (escaped ?? 0) < 0x20) return text[start]; // begun anew
  if (escaped === undefined) return text[start];
  const body = first === 0x1b ? start + 2 : start + 1;
  if (escaped === 0x5b) return upTo(text, start, csiEnd, body); // CSI
  // DCS, SOS, OSC, PM, APC: strings, which end with ST or, by custom, with BEL
  if ([0x50, 0x58, 0x5d, 0x5e, 0x5f].includes(escaped)) return upTo(text, start, stringEnd, body);
  if (first === 0x1b && escaped >= 0x20 && escaped <= 0x2f) return upTo(text, start, escapeEnd, body);
  return text.slice(start, body);
}

const csiEnd = /[^0-?!-/ ]/g;
const stringEnd = /\u0007|\u001b\\|\u009c|[\u0018\u001a]/g;
const escapeEnd = /[^ -/]/g;

function upTo(text: string, start: number, end: RegExp, from: number): string | undefined {
  end.lastIndex = from;
  const found = end.exec(text);
  return found === null ? undefined : text.slice(start, found.index + found[0].length);
}

function isHarmless(sequence: string): boolean {
  return allowed.some(pattern => pattern.test(sequence));
}

const allowed: readonly RegExp[] = [
  /^\u001b\[(?:\d{0,5}[;:]){0,3}\d{0,5}[@-HJ-MPX`abdef]$/, // movement, insertion, deletion, erasing
  /^\u001b\[\d{0,5}[ST]$/, // scrolling
  /^\u001b\[(?:\d{0,5}[;:]){0,40}\d{0,5}m$/, // colours
  /^\u001b\[\d{0,5}(?:;\d{0,5})?r$/, // the region that scrolls
  /^\u001b\[[su]$/, // the cursor kept, and put back
  /^\u001b\[4[hl]$/, // insert mode
  /^\u001b\[\?(?:6|7|25|47|1047|1048|1049)[hl]$/, // origin, wrapping, cursor, alternate screen
  /^\u001b[78DEM]$/,
  /^\u001b[()][0-2AB]$/, // line drawing
  /^[\u000b\u000c\u000e\u000f]$/,
];
