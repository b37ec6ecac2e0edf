import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { decodeLine, encodeLine, LineSplitter, maxLineBytes } from '../../src/protocol/line.ts';

const folder = new URL('../vectors/protocol/lines/', import.meta.url);
const names = readdirSync(folder)
  .filter(name => name.endsWith('.in'))
  .map(name => name.slice(0, -'.in'.length));

t.ok(names.length > 40, 'the vectors are there');

for (const name of names)
  t.test(`vector ${name}`, async t => {
    const bytes = readFileSync(new URL(`${name}.in`, folder));
    const expected = readFileSync(new URL(`${name}.out`, folder), 'utf8');
    t.equal(read(new LineSplitter(), [bytes]), expected, 'in one piece');
    t.equal(
      read(
        new LineSplitter(),
        [...bytes].map(byte => Buffer.of(byte)),
      ),
      expected,
      'byte by byte',
    );
  });

t.test('what was encoded is decoded to the same', async t => {
  const values = ['', 'plain', 'a b=c%d', '\u0001\n\r\t\u007f\u0085', 'é€🔑', '\ufeff', '%41', '+', 'x'.repeat(2000)];
  for (const value of values) {
    const text = encodeLine('info', { text: value, none: undefined });
    t.match(text, /^[!-~ ]+\n$/, 'printable ASCII');
    t.same(decodeLine(text.slice(0, -1)), { verb: 'info', fields: new Map([['text', value]]) });
  }
});

t.test('a NUL cannot be sent', async t => {
  t.equal(decodeLine(encodeLine('info', { text: 'a\0b' }).slice(0, -1))?.fields.get('text'), 'a\ufffdb');
});

t.test('several lines in one piece are taken apart', async t => {
  const splitter = new LineSplitter();
  t.same(splitter.push(Buffer.from('one\ntwo\nthr')), { lines: ['one', 'two'], overlong: false });
  t.equal(splitter.unfinished, true);
  t.same(splitter.push(Buffer.from('ee\n')), { lines: ['three'], overlong: false });
  t.equal(splitter.unfinished, false);
});

t.test('ten megabytes without a line end are refused before they are stored', async t => {
  const splitter = new LineSplitter();
  const chunk = Buffer.alloc(4096, 'a');
  t.equal(splitter.push(chunk).overlong, false);
  t.equal(splitter.push(chunk).overlong, true);
  t.equal(splitter.push(Buffer.alloc(10_000_000, 'a')).overlong, true);
});

t.test('whole lines before an endless one are still delivered', async t => {
  const result = new LineSplitter().push(Buffer.from(`cancel\n${'a'.repeat(maxLineBytes)}`));
  t.same(result, { lines: ['cancel'], overlong: true });
});

/** What a vector's `.out` file says. */
function read(splitter: LineSplitter, chunks: readonly Buffer[]): string {
  const lines: string[] = [];
  for (const chunk of chunks) {
    const result = splitter.push(chunk);
    lines.push(...result.lines);
    if (result.overlong) return 'overlong\n';
  }
  if (splitter.unfinished) return 'unfinished\n';
  const line = decodeLine(lines.join('\n'));
  if (line === undefined) return 'refused\n';
  const fields = [...line.fields].map(([name, value]) => `${name} ${Buffer.from(value).toString('hex')}\n`);
  return `line\nverb ${line.verb}\n${fields.join('')}`;
}
