import t from 'tap';
import { options } from '../../src/config/options.ts';
import { parseArguments, usualSocket } from '../../src/login/arguments.ts';

t.test('no arguments: the default socket is asked', async t => {
  t.strictSame(parseArguments([]), { kind: 'login', socket: undefined });
});

t.test('a socket is named in either spelling', async t => {
  const expected = { kind: 'login', socket: '/run/x/y.sock' };
  t.strictSame(parseArguments(['--socket', '/run/x/y.sock']), expected);
  t.strictSame(parseArguments(['--socket=/run/x/y.sock']), expected);
});

t.test('help is help, wherever it stands', async t => {
  for (const argv of [['--help'], ['-h'], ['--socket', '/x', '--help']]) t.equal(parseArguments(argv).kind, 'help');
});

t.test('anything else is refused, never ignored', async t => {
  for (const argv of [
    ['--sokcet', '/x'],
    ['--socket'],
    ['--socket='],
    ['--socket', ''],
    ['--socket', 'relative.sock'],
    ['login'],
    [''],
    ['-x'],
    ['--'],
    ['--socket', '/x', 'more'],
  ])
    t.equal(parseArguments(argv).kind, 'wrong', JSON.stringify(argv));
});

t.test('the usual socket is the one that the daemon listens on by default', async t => {
  t.equal(usualSocket, options.daemon.socket.standard);
});
