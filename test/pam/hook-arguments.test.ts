import t from 'tap';
import { options } from '../../src/config/options.ts';
import { parseArguments } from '../../src/pam/arguments.ts';
import { usualSocket } from '../../src/pam/pam.ts';

const plain = { kind: 'pam', socket: undefined, afterPassword: false, timeoutMs: 115_000 } as const;

t.test('no arguments: the default socket, a code may be typed, more patience than the daemon has', async t => {
  t.strictSame(parseArguments([]), plain);
  t.ok(plain.timeoutMs > options.daemon.loginTimeout.standard);
});

t.test('options are given in either spelling', async t => {
  for (const argv of [['--socket', '/run/x.sock'], ['--socket=/run/x.sock']])
    t.strictSame(parseArguments(argv), { ...plain, socket: '/run/x.sock' });
  for (const argv of [['--timeout', '5'], ['--timeout=5']])
    t.strictSame(parseArguments(argv), { ...plain, timeoutMs: 5_000 });
  t.strictSame(parseArguments(['--after-password', '--timeout', '660']), {
    ...plain,
    afterPassword: true,
    timeoutMs: 660_000,
  });
});

t.test('help is help, wherever it stands', async t => {
  for (const argv of [['--help'], ['-h'], ['--after-password', '--help']]) t.equal(parseArguments(argv).kind, 'help');
});

t.test('anything else is refused, never ignored', async t => {
  for (const argv of [
    ['--sokcet', '/x'],
    ['--socket'],
    ['--socket='],
    ['--socket', 'relative.sock'],
    ['--timeout'],
    ['--timeout', '0'],
    ['--timeout', '661'],
    ['--timeout', '1e2'],
    ['--timeout', '-1'],
    ['--timeout='],
    ['--after-password=no'],
    ['auth'],
    [''],
    ['--'],
  ])
    t.equal(parseArguments(argv).kind, 'wrong', JSON.stringify(argv));
});

t.test('the usual socket is the one that the daemon listens on by default', async t => {
  t.equal(usualSocket, options.daemon.socket.standard);
});
