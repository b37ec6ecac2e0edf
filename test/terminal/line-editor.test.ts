import t from 'tap';
import { type Effect, LineEditor } from '../../src/terminal/line-editor.ts';

function typed(keys: string | Buffer): { text: string; last: Effect } {
  const editor = new LineEditor();
  let last: Effect = 'unchanged';
  for (const byte of Buffer.from(keys)) last = editor.push(byte);
  return { text: editor.text, last };
}

t.test('Enter, in either form, ends the line', async t => {
  t.same(typed('123456\n'), { text: '123456', last: 'line' });
  t.same(typed('123456\r'), { text: '123456', last: 'line' });
  t.same(typed('\r'), { text: '', last: 'line' });
});

t.test('backspace takes back one character, however many bytes it has', async t => {
  for (const key of ['\x7f', '\b']) t.equal(typed(`aé€😀${key}${key}${key}b`).text, 'ab');
  t.same(typed('a\x7f\x7f\x7f'), { text: '', last: 'unchanged' });
});

t.test('Ctrl-U takes back all, Ctrl-W the last word', async t => {
  t.equal(typed('one two\x15three').text, 'three');
  t.equal(typed('one two\x17').text, 'one ');
  t.equal(typed('one two  \x17').text, 'one ');
  t.equal(typed('one\x17').text, '');
  t.equal(typed('   \x17').text, '');
  t.same(typed('\x17'), { text: '', last: 'unchanged' });
});

t.test('Ctrl-C and Ctrl-\\ give up at any time, Ctrl-D on an empty line only', async t => {
  for (const key of ['\x03', '\x1c']) {
    for (const before of ['', '12', '\x1b', '\x1b[1', '\x1b]0;title', 'é'.slice(0, 1)])
      t.equal(typed(before + key).last, 'cancel');
  }
  t.equal(typed('\x04').last, 'cancel');
  t.equal(typed('1\x7f\x04').last, 'cancel');
  t.same(typed('1\x04'), { text: '1', last: 'unchanged' });
});

t.test('escape sequences are swallowed', async t => {
  for (const sequence of [
    '\x1b[A', // cursor up
    '\x1bOP', // F1
    '\x1b[15;2~',
    '\x1b[200~', // a paste begins
    '\x1b]11;rgb:0000/0000/0000\x07', // a terminal answers a question of somebody else's
    '\x1b]11;rgb:0000/0000/0000\x1b\\',
    '\x1bP1$r0m\x1b\\',
    '\x1bx', // Alt-x
  ])
    t.equal(typed(`12${sequence}34`).text, '1234', JSON.stringify(sequence));
});

t.test('Enter ends the line in the middle of an escape sequence, too', async t => {
  for (const start of ['\x1b', '\x1b[', '\x1bO', '\x1b]0;'])
    t.same(typed(`12${start}\n`), { text: '12', last: 'line' });
});

t.test('control characters, direction marks and what is not UTF-8 are swallowed', async t => {
  t.equal(typed('a\0\x01\t\x1a\x1d\u0085\u202e\u2028\u200bb').text, 'ab');
  const broken = [[0xff], [0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x98], [0x80, 0x80, 0x80, 0x80, 0x80], [0xed, 0xa0, 0x80]];
  for (const bytes of broken) {
    t.equal(typed(Buffer.from([0x61, ...bytes, 0x62])).text, 'ab');
    t.equal(typed(Buffer.from([0x61, ...bytes, 0xc3, 0xa9])).text, 'aé');
  }
});

t.test('no more than 256 bytes are kept, and no half characters', async t => {
  t.equal(typed('x'.repeat(100_000)).text, 'x'.repeat(256));
  t.equal(typed('x'.repeat(255) + 'é1').text, `${'x'.repeat(255)}1`);
  t.equal(typed(`${'é'.repeat(200)}\x7f1`).text, `${'é'.repeat(127)}1`);
});
