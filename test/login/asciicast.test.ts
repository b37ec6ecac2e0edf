import t from 'tap';
import { cutForEvents, eventLine, headerLine } from '../../src/login/asciicast.ts';
import { encodeLine, maxLineBytes } from '../../src/protocol/line.ts';
import { maxRecordChunk } from '../../src/protocol/messages.ts';

t.test('the header and the events are those of asciicast v2', async t => {
  t.equal(
    headerLine({ columns: 80, rows: 24 }, 1_504_467_315_999, { TERM: 'xterm' }),
    '{"version":2,"width":80,"height":24,"timestamp":1504467315,"env":{"TERM":"xterm"}}',
  );
  t.equal(eventLine(1500, 'o', 'hi\r\n\u001b[1m'), '[1.5,"o","hi\\r\\n\\u001b[1m"]');
  t.equal(eventLine(4050, 'r', '100x50'), '[4.05,"r","100x50"]');
  t.equal(eventLine(-3, 'm', 'exit 0'), '[0,"m","exit 0"]', 'time never runs backwards from the start');
});

t.test('output of any size is cut into lines that the protocol can carry, and nothing is lost', async t => {
  for (const [name, text] of [
    ['nothing', ''],
    ['plain', 'x'.repeat(100_000)],
    ['escapes', '\u001b"\\'.repeat(5000)],
    ['pairs', `a${'\u{1F600}'.repeat(5000)}`],
    ['two-byte', 'é'.repeat(9999)],
    ['lone surrogates', '\ud83d'.repeat(3000)],
  ] as const) {
    const pieces = cutForEvents(text);
    t.equal(pieces.join(''), text, `${name}: whole`);
    for (const piece of pieces) {
      const line = eventLine(2 ** 31, 'o', piece);
      if (Buffer.byteLength(line) > maxRecordChunk) t.fail(`${name}: a line of ${Buffer.byteLength(line)} bytes`);
      if (encodeLine('record', { line }).length > maxLineBytes) t.fail(`${name}: too long for the protocol`);
      if (name === 'pairs' && !piece.isWellFormed()) t.fail('a character was cut in two');
    }
  }
});
