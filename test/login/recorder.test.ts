import t from 'tap';
import { Recorder } from '../../src/login/recorder.ts';

function recorder() {
  const lines: string[] = [];
  const clock = { now: 1_000_000 };
  const sink = { write: async (line: string): Promise<void> => void lines.push(line) };
  return { lines, clock, recorder: new Recorder(sink, () => clock.now) };
}

t.test('a session becomes a header, its output, its resizes and how it ended', async t => {
  const { lines, clock, recorder: session } = recorder();
  await session.begin({ columns: 80, rows: 24 }, { TERM: 'xterm', SHELL: '/bin/sh' });
  clock.now += 250;
  await session.output(Buffer.from('$ '));
  clock.now += 1000;
  await session.resize({ columns: 100, rows: 30 });
  await session.end('exit 7');
  t.strictSame(lines, [
    '{"version":2,"width":80,"height":24,"timestamp":1000,"env":{"TERM":"xterm","SHELL":"/bin/sh"}}',
    '[0.25,"o","$ "]',
    '[1.25,"r","100x30"]',
    '[1.25,"m","exit 7"]',
  ]);
});

t.test('a character that arrives in two reads is recorded as one', async t => {
  const { lines, recorder: session } = recorder();
  const bytes = Buffer.from('é€😀');
  for (const byte of bytes) await session.output(Buffer.from([byte]));
  await session.end('exit 0');
  t.equal(
    lines
      .slice(0, -1)
      .map(line => (JSON.parse(line) as string[])[2])
      .join(''),
    'é€😀',
  );
});

t.test('a character that never comes whole is recorded as a replacement', async t => {
  const { lines, recorder: session } = recorder();
  await session.output(Buffer.from([0xe2, 0x82]));
  await session.end('signal SIGKILL');
  t.strictSame(lines, ['[0,"o","\ufffd"]', '[0,"m","signal SIGKILL"]']);
});

t.test('output that could not be kept is an error, not a gap', async t => {
  const sink = {
    write: async (): Promise<void> => {
      throw new Error('lost');
    },
  };
  const session = new Recorder(sink, () => 0);
  await t.rejects(session.begin({ columns: 1, rows: 1 }, {}));
  await t.rejects(session.output(Buffer.from('x')));
  await t.rejects(session.resize({ columns: 1, rows: 1 }));
  await t.rejects(session.end('exit 0'));
});
