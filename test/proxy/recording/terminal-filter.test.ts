/** What of a recording reaches the terminal of whoever plays it. */
/* oxlint-disable no-control-regex -- control characters are what this is about */
import t from 'tap';
import { asBefore, TerminalFilter } from '../../../src/proxy/recording/terminal-filter.ts';

const harmless = [
  'plain text, \u00e9\u4e2d\u{1f600}\r\n\tand\b',
  '\u001b[31;1mred\u001b[0m \u001b[38;5;12m \u001b[38:2::1:2:3m',
  '\u001b[2J\u001b[H\u001b[10;20Hx\u001b[K\u001b[3A\u001b[5C\u001b[2P\u001b[1@\u001b[4X',
  '\u001b[?1049h\u001b[?25l\u001b[?7h\u001b[1;24r\u001b[2S\u001b[T\u001b7\u001b8\u001bM\u001b(0\u001b(B\u000e\u000f',
];

const harmful: readonly [string, string][] = [
  ['a title', '\u001b]0;owned\u0007'],
  ['the clipboard, written', '\u001b]52;c;cm0gLXJmIC8=\u0007'],
  ['the clipboard, asked for', '\u001b]52;c;?\u001b\\'],
  ['a link', '\u001b]8;;http://example.com\u001b\\'],
  ['the title, asked for', '\u001b[21t'],
  ['a window that is moved', '\u001b[3;0;0t'],
  ['where the cursor is', '\u001b[6n'],
  ['what terminal it is', '\u001b[c'],
  ['the same again', '\u001b[>0q\u001b[>c\u001b[=c\u001bZ'],
  ['a device control string', '\u001bP$qm\u001b\\'],
  ['keys that are redefined', '\u001bP1;1|17/726d\u001b\\'],
  ['an application command', '\u001b_Gi=1;AAAA\u001b\\'],
  ['privacy and start of string', '\u001b^x\u001b\\\u001bXx\u001b\\'],
  ['mouse reports', '\u001b[?1000h\u001b[?1003h\u001b[?1006h\u001b[1;2;3;4;5T'],
  ['bracketed paste, focus reports, application keys', '\u001b[?2004h\u001b[?1004h\u001b[?1h\u001b=\u001b>'],
  ['keyboard protocols', '\u001b[>4;2m\u001b[>1u\u001b[?u'],
  ['a mode among others', '\u001b[?25;1000h'],
  ['a reset', '\u001bc\u001b[!p'],
  ['an answerback', '\u0005'],
  ['bells', '\u0007'],
  ['8-bit controls', '\u009d0;owned\u009c\u009b6n\u0085\u0090q\u009c'],
  ['text that is turned around', '\u202e\u2066'],
  ['media copy', '\u001b[5i\u001b[?5i'],
  ['a million times the same', '\u001b[1000000b'],
  ['one sequence in another', '\u001b[\u001b[6n'.slice(0, 3)],
];

t.test('what draws passes as it is', async t => {
  for (const text of harmless) t.equal(new TerminalFilter().write(text), text);
});

t.test('what would be answered or obeyed does not', async t => {
  for (const [what, text] of harmful) t.equal(new TerminalFilter().write(`<${text}>`), '<>', what);
});

t.test('however it is cut', async t => {
  for (const [what, text] of harmful) {
    const filter = new TerminalFilter();
    t.equal(Array.from(`<${text}>`, char => filter.write(char)).join(''), '<>', what);
  }
  for (const text of harmless) {
    const filter = new TerminalFilter();
    t.equal(Array.from(text, char => filter.write(char)).join(''), text);
  }
});

t.test('no control passes that is not known, whatever surrounds it', async t => {
  // Every C0 and C1 character, alone and as what follows ESC and CSI: what comes out has only what the table allows.
  const all = Array.from({ length: 0xa0 }, (_, i) => String.fromCharCode(i));
  for (const intro of ['', '\u001b', '\u001b[', '\u001b[1;2', '\u001b[?', '\u001b ', '\u009b', '\u001b]', '\u001bP'])
    for (const char of all) {
      const shown = new TerminalFilter().write(`${intro}${char}`);
      const rest = shown.replace(/\u001b(?:\[[\d;]*[@-HJ-MPSTX`abdefmrsu]|[78DEM])/g, '');
      t.notMatch(rest, /[\u0000-\u0007\u0010-\u001f\u007f-\u009f]/, JSON.stringify(intro + char));
    }
});

t.test('a string that never ends holds back a bounded part of what follows', async t => {
  const filter = new TerminalFilter();
  t.equal(filter.write(`\u001b]0;${'x'.repeat(200_000)}`), '');
  t.equal(filter.write('\u0007shown'), 'shown');
});

t.test('what is done at the end passes its own filter, and asks for nothing', async t => {
  t.equal(new TerminalFilter().write(asBefore), asBefore);
});
