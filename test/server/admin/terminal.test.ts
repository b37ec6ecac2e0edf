import { PassThrough } from 'node:stream';
import t from 'tap';
import { askNewPassword, askOn, type Keyboard } from '../../../src/server/admin/terminal.ts';

function pipe(): { input: PassThrough; output: PassThrough } {
  return { input: new PassThrough(), output: new PassThrough() };
}

/** A terminal: remembers whether it is raw. */
function terminal() {
  const input: PassThrough & Keyboard = Object.assign(new PassThrough(), { isTTY: true });
  const modes: boolean[] = [];
  input.setRawMode = on => modes.push(on);
  const output = new PassThrough();
  let shown = '';
  output.on('data', (chunk: Buffer) => (shown += chunk.toString()));
  return { input, output, modes, shown: () => shown };
}

t.test('a pipe answers line by line, unprompted', async t => {
  const { input, output } = pipe();
  input.end('first\r\nsecond\nthird');
  const asker = askOn(input, output);
  for (const expected of ['first', 'second', 'third']) t.equal((await asker.ask('? '))?.expose(), expected);
  t.equal(await asker.ask('? '), undefined, 'until its end');
  t.equal(output.read(), null);
  asker.close();
});

t.test('a hidden answer is read raw, edited by hand, and not echoed', async t => {
  const { input, output, modes, shown } = terminal();
  const asker = askOn(input, output);
  input.write('gone\u0015caf\u00e9x\u007fs\b\r');
  t.equal((await asker.askHidden('Password: '))?.expose(), 'café');
  await new Promise(setImmediate);
  t.equal(shown(), 'Password: \n');
  t.same(modes, [true, false]);
  input.write('abc\u0003');
  t.equal(await asker.askHidden('Password: '), undefined, 'Ctrl-C gives up');
  input.write('\u0004');
  t.equal(await asker.askHidden('Password: '), undefined, 'and so does Ctrl-D');
  t.same(modes, [true, false, true, false, true, false]);
  asker.close();
});

t.test('a question that is withdrawn has no answer, and the next one does', async t => {
  const { input, output } = pipe();
  const asker = askOn(input, output);
  const withdraw = new AbortController();
  const question = asker.ask('? ', withdraw.signal);
  withdraw.abort();
  t.equal(await question, undefined);
  input.write('y\n');
  t.equal((await asker.ask('? '))?.expose(), 'y');
  asker.close();
});

t.test('a line is cut at 4096 bytes', async t => {
  const { input, output } = pipe();
  input.end(`${'a'.repeat(10_000)}\nnext\n`);
  const asker = askOn(input, output);
  t.equal((await asker.ask(''))?.length, 4096);
  t.equal((await asker.ask(''))?.expose(), 'next');
  asker.close();
});

t.test('a new password is typed twice by a person, and once through a pipe', async t => {
  const { input, output } = terminal();
  const person = askOn(input, output);
  input.write('correct\rcorrect\r');
  t.equal((await askNewPassword(person))?.expose(), 'correct');
  input.write('correct\rincorrect\r');
  t.equal(await askNewPassword(person), undefined);
  person.close();
  const script = pipe();
  script.input.end('correct\n');
  t.equal((await askNewPassword(askOn(script.input, script.output)))?.expose(), 'correct');
});
