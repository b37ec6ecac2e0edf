import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { run } from './cli-process.ts';

t.test('commands change and list', async t => {
  const state = ['--state', join(t.testdir(), 'state')];
  await run(['person', 'add', 'bob@example.com', ...state]);
  await run(['service', 'add', 'web1', '--hostname', 'web1.example.com', '--passthru', ...state]);
  const steps: [string[], RegExp][] = [
    [['person', 'disable', 'bob@example.com'], /^disabled bob@example\.com/],
    [['person', 'list'], /^bob@example\.com\t-\tdisabled\tuser$/m],
    [['person', 'role', 'bob@example.com', 'admin'], /^bob@example\.com is now: admin/],
    [['person', 'list'], /\tadmin$/m],
    [['service', 'list'], /^web1\t[0-9a-f-]{36}\tweb1\.example\.com\tpassthru$/m],
    [['service', 'rotate-key', 'web1'], /^serviceKey = "[\w-]{43}"$/m],
    [['access', 'grant', 'bob@example.com', 'web1', 'bob', '--no-tfa'], /may enter bob of web1/],
    [['access', 'list'], /^bob@example\.com\tweb1\tbob\tno-tfa$/m],
    [['access', 'revoke', 'bob@example.com', 'web1', 'bob'], /may no longer/],
    [['enrol', 'totp', 'bob@example.com', '--no-confirm'], /█[^]*Secret: [A-Z2-7]{32}\nURI: {4}otpauth:/],
    [['device', 'list', 'bob@example.com'], /\ttotp\tsha1, 6 digits, 30 s\t/],
  ];
  for (const [args, expected] of steps)
    t.match(await run([...args, ...state]), { status: 0, out: expected }, args.join(' '));
});

t.test('what is wrong is said in one line, with a status', async t => {
  const base = t.testdir({ file: '' });
  const state = ['--state', join(base, 'state')];
  const device = join(base, 'x.device');
  const missing = join(base, 'missing.device');
  const cases: [string[], number, RegExp][] = [
    [['person', 'disable', 'nobody'], 1, /^trasa-agent: nobody is known as nobody\n$/],
    [['person', 'add', 'bob@example.com', '--password'], 1, /^trasa-agent: no password was given/],
    [['enrol', 'push', 'nobody', '--device-file', device, '--server', 'https://x'], 1, /nobody is known/],
    [['start', '--listen', 'nowhere'], 64, /say address:port/],
    [['start', '--listen', '192.0.2.1:8443'], 69, /EADDRNOTAVAIL/],
    [['start', '--listen', '127.0.0.1:0', '--hostname', 'a b'], 78, /is not a host name/],
    [['approve', '--device', missing], 78, /does not exist/],
  ];
  const all = cases.map(async ([args, status, expected]) => {
    const where = args[0] === 'approve' ? [] : state;
    t.match(await run([...args, ...where]), { status, err: expected }, args.join(' '));
  });
  await Promise.all(all); // at once: so they make the new state together, too
  t.notOk(existsSync(device), 'no device file is left behind');
  t.match(await run(['person', 'list', '--state', join(base, 'file')]), { status: 78 });
});
