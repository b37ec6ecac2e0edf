import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { fingerprintOf } from '../../src/ca/issue.ts';
import { folder, makeKey } from '../ssh/openssh.ts';
import { run } from './cli-process.ts';

t.test('commands change and list', async t => {
  const state = ['--state', join(t.testdir(), 'state')];
  const key = makeKey(join(folder(), 'bob'));
  const print = fingerprintOf(key.key);
  await run(['person', 'add', 'bob@example.com', ...state]);
  await run(['service', 'add', 'web1', '--hostname', 'web1.example.com', '--passthru', ...state]);
  const steps: [string[], RegExp][] = [
    [['person', 'disable', 'bob@example.com'], /^disabled bob@example\.com/],
    [['person', 'list'], /^bob@example\.com\t-\tdisabled\tuser$/m],
    [['person', 'role', 'bob@example.com', 'admin'], /^bob@example\.com is now: admin/],
    [['person', 'list'], /\tadmin$/m],
    [['service', 'add', 'gate', '--proxy'], /serviceKey/],
    [
      ['service', 'change', 'web1', '--address', '10.0.0.5', '--host-key', `${key.path}.pub`, '--record'],
      /^changed web1/,
    ],
    [
      ['service', 'list'],
      /^gate\t[0-9a-f-]{36}\t-\tproxy\t-\t-\nweb1\t[0-9a-f-]{36}\tweb1\.example\.com\tpassthru\t10\.0\.0\.5:22\trecord$/m,
    ],
    [['service', 'change', 'web1', '--address', '', '--host-key', '', '--no-record'], /^changed web1/],
    [['service', 'list'], /\tpassthru\t-\t-$/m],
    [['person', 'key', 'add', 'bob@example.com', `${key.path}.pub`], /is a key of bob/],
    [['person', 'key', 'list', 'bob@example.com'], /^SHA256:\S{43}\tssh-ed25519\t/],
    [['person', 'key', 'remove', print], /^removed SHA256/],
    [['group', 'add', 'operators'], /^added operators/],
    [['group', 'join', 'operators', 'bob@example.com'], /is in operators/],
    [['access', 'grant', '@operators', 'web1', 'root', '--record', '--idle-timeout', '900'], /may enter root of web1/],
    [['access', 'list'], /^@operators\tweb1\troot\ttfa; record; idle-timeout 900$/m],
    [['group', 'leave', 'operators', 'bob@example.com'], /no longer in/],
    [['group', 'list'], /^operators\t-$/m],
    [['group', 'remove', 'operators'], /^removed operators/],
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

t.test('the vault takes a password or a key from stdin, never from the command line', async t => {
  const state = ['--state', join(t.testdir(), 'state')];
  const { path } = makeKey(join(folder(), 'deploy'));
  await run(['service', 'add', 'web1', ...state]);
  const set = async (account: string, input: string, ...flags: string[]) =>
    await run(['vault', 'set', 'web1', account, ...flags, ...state], input);
  t.match(await set('admin', 'open sesame\n'), { status: 0, out: /^a password is kept for admin of web1/ });
  t.match(await set('deploy', readFileSync(path, 'utf8'), '--key'), { status: 0, out: /^a key is kept for deploy/ });
  t.match(await set('x', ''), { status: 1, err: /no password was given/ });
  t.match(await set('x', '', '--key'), { status: 1, err: /no key was given/ });
  t.match(await set('x', 'a'.repeat(70_000), '--key'), { status: 1, err: /no key was given/ });
  const listed = await run(['vault', 'list', ...state]);
  t.match(listed, { status: 0, out: /^web1\tadmin\tpassword\t\S+\nweb1\tdeploy\tkey\t/ });
  t.notMatch(listed.out, /sesame|PRIVATE/);
  t.match(await run(['vault', 'remove', 'web1', 'admin', ...state]), { status: 0 });
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
    [['person', 'key', 'add', 'nobody', missing], 1, /nobody is known/],
    [['service', 'add', 'x', '--proxy', '--passthru'], 64, /proxy and passthru are mutually exclusive/],
    [['start', '--listen', 'nowhere'], 64, /say address:port/],
    [['start', '--listen', '192.0.2.1:8443'], 69, /EADDRNOTAVAIL/],
    [['start', '--listen', '127.0.0.1:0', '--hostname', 'a b'], 78, /is not a host name/],
    [['approve', '--device', missing], 78, /does not exist/],
    [['approve', '--device', missing, '--yes', '--no'], 64, /^trasa-agent: say one of --yes, --no and --number\nTry/],
  ];
  const all = cases.map(async ([args, status, expected]) => {
    const where = args[0] === 'approve' ? [] : state;
    t.match(await run([...args, ...where]), { status, err: expected }, args.join(' '));
  });
  await Promise.all(all); // at once: so they make the new state together, too
  t.notOk(existsSync(device), 'no device file is left behind');
  t.match(await run(['person', 'list', '--state', join(base, 'file')]), { status: 78 });
});
