import t from 'tap';
import { runProgram } from '../../src/system/run-program.ts';

t.test('a program ends with its status, and has an environment and a directory of its own', async t => {
  process.env['TRIAL'] = 'inherited';
  const ran = await runProgram('/bin/sh', ['-c', 'pwd; echo "$TRIAL$LC_ALL" >&2; exit 7']);
  t.strictSame(ran, { kind: 'ran', status: 7, stdout: '/\n', stderr: 'C\n' });
});

t.test('one that reads finds nothing to read', async t => {
  t.match(await runProgram('/bin/cat', []), { kind: 'ran', status: 0, stdout: '' });
});

t.test('one that does not end, or does not stop talking, is killed', async t => {
  const limits = { timeoutMs: 60_000, maxBytes: 1000 };
  t.match(await runProgram('/bin/sleep', ['600'], { ...limits, timeoutMs: 50 }), {
    why: '/bin/sleep did not end within 50 ms',
  });
  t.match(await runProgram('/usr/bin/yes', [], limits), { why: '/usr/bin/yes said too much' });
});

t.test('one that is not there, or is no program, is said', async t => {
  t.match(await runProgram('/nonexistent', []), { why: '/nonexistent is not there' });
  t.match(await runProgram('/etc/passwd', []), { why: '/etc/passwd must not be run' });
  t.match(await runProgram('/bin/sh', ['-c', 'kill -9 $$']), { why: '/bin/sh was killed by SIGKILL' });
});
