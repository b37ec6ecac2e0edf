import t from 'tap';
import { cutLines } from '../../src/system/pam-lines.ts';

const words = (text: string): (readonly string[])[] => cutLines(text).lines.map(line => line.words);

t.test('words are parted by blanks and tabs, and comments and empty lines are none', async t => {
  t.strictSame(words('# all\n\n \t auth\trequired  pam_unix.so nullok # why\n   # more\n'), [
    ['auth', 'required', 'pam_unix.so', 'nullok'],
  ]);
});

t.test('what stands between brackets is one word', async t => {
  t.strictSame(words('auth [success=1 default=ignore] pam_x.so [a [b\\] c] d'), [
    ['auth', 'success=1 default=ignore', 'pam_x.so', 'a [b] c', 'd'],
  ]);
  t.strictSame(words('auth [success=ok]pam_x.so a[b c]'), [['auth', 'success=ok', 'pam_x.so', 'a[b', 'c]']]);
  t.strictSame(
    words('auth [success=ok pam_x.so'),
    [['auth', 'success=ok pam_x.so']],
    'and without an end, all the rest',
  );
});

t.test('a comment begins between brackets too', async t => {
  t.strictSame(words('auth [success=1 # no\nauth required x'), [
    ['auth', 'success=1 '],
    ['auth', 'required', 'x'],
  ]);
});

t.test('a backslash joins the next line, whose number is that of the first', async t => {
  const { lines, unfinished, faults } = cutLines('\nauth required \\  \n  pam_x.so\\\n a\nauth b');
  t.strictSame(lines, [
    { number: 2, words: ['auth', 'required', 'pam_x.so', 'a'] },
    { number: 5, words: ['auth', 'b'] },
  ]);
  t.notOk(unfinished);
  t.strictSame(faults, []);
});

t.test('a backslash in a comment joins nothing', async t => {
  t.strictSame(words('auth a # b \\\nauth c'), [
    ['auth', 'a'],
    ['auth', 'c'],
  ]);
});

t.test('a continued line without a next one is said', async t => {
  t.ok(cutLines('auth required pam_x.so \\').unfinished);
  t.ok(cutLines('auth required pam_x.so \\\n\n').unfinished);
});

t.test('what old and new libpam read differently is said', async t => {
  t.match(cutLines('auth required \\\n# c\npam_x.so').faults, [{ number: 2, text: /1\.6/ }]);
  t.match(cutLines(`auth required pam_x.so ${'a'.repeat(1100)}`).faults, [{ number: 1, text: /longer than 1023/ }]);
});
