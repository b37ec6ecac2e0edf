import t from 'tap';
import { cleanText } from '../../src/protocol/clean.ts';

t.test('ordinary text in any script passes', async t => {
  for (const text of ['Zugang verweigert: Müller', '拒绝访问', 'naïve café', 'a-b_c/d:1 "x" \'y\' %s'])
    t.equal(cleanText(text, 100), text);
});

t.test('what could steer a terminal or forge a log line does not', async t => {
  t.equal(cleanText('\u001b]52;c;ZXZpbA==\u0007hi', 100), '?]52;c;ZXZpbA==?hi');
  t.equal(cleanText('a\u009b31mred', 100), 'a?31mred');
  t.equal(cleanText('one\r\ntwo\tthree   four\n', 100), 'one two three four');
  t.equal(cleanText('a\u2028b\u2029c\u007fd\0e', 100), 'a?b?c?d?e');
  t.equal(cleanText('user\u202egnp.exe', 100), 'user?gnp.exe');
  t.equal(cleanText('lone \ud800 surrogate', 100), 'lone ? surrogate');
});

t.test('blanks of any kind cannot push text out of sight: a run of them is one blank', async t => {
  t.equal(cleanText(`a${'\u3000'.repeat(50)}b`, 100), 'a b');
  t.equal(cleanText('a \u00a0\u1680\u2000\u200a\u202f\u205f\u3000\tb', 100), 'a b');
  t.equal(cleanText('\u3000a\u3000', 100), 'a');
});

t.test('text is cut at its bound, between characters', async t => {
  t.equal(cleanText('x'.repeat(10), 10), 'x'.repeat(10));
  t.equal(cleanText('x'.repeat(11), 10), `${'x'.repeat(9)}…`);
  t.equal(cleanText('😀'.repeat(11), 10), `${'😀'.repeat(9)}…`);
  t.equal(cleanText('y'.repeat(10_000_000), 5), 'yyyy…');
});

t.test('what is cut off shows that it is, behind however many blanks it was hidden', async t => {
  const hidden = `true${' '.repeat(5_000)}; something else`;
  t.match(cleanText(hidden, 1_024), /^true ?…$/);
  t.equal(cleanText(`true${' '.repeat(4_000)}; something else`, 1_024), 'true ; something else');
  t.equal(cleanText(' '.repeat(5_000), 1_024), '…');
  t.equal(cleanText('x'.repeat(1_024), 1_024).length, 1_024);
  t.equal(cleanText('x'.repeat(1_025), 1_024).at(-1), '…');
});
