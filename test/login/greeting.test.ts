import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { greeting } from '../../src/login/greeting.ts';
import { findLastLogin } from '../../src/login/last-login.ts';

process.env['TZ'] = 'UTC';

/** One record of wtmp, as glibc lays it out on this machine (utmp(5)). */
function record(type: number, line: string, user: string, host: string, seconds: number): Buffer {
  const wide = process.arch === 'arm64';
  const bytes = Buffer.alloc(wide ? 400 : 384);
  bytes.writeInt16LE(type, 0);
  bytes.write(line, 8);
  bytes.write(user, 44);
  bytes.write(host, 76);
  bytes.writeUInt32LE(seconds, wide ? 344 : 340);
  return bytes;
}

const wtmp = Buffer.concat([
  record(7, 'pts/1', 'alice', '192.0.2.9', 1_700_000_000),
  record(7, 'pts/0', 'alice', 'there.example', 1_754_310_896),
  record(8, 'pts/0', '', '', 1_754_310_999),
  record(7, 'pts/2', 'bob', '192.0.2.66', 1_754_311_000),
  record(7, 'pts/3', 'alice', '192.0.2.7', 1_754_312_000),
]);

t.test('the last login is the one before this', async t => {
  t.strictSame(findLastLogin(wtmp, 'alice', 'pts/3'), { at: 1_754_310_896_000, from: 'there.example' });
});

t.test('a terminal used before by the same account is an earlier login', async t => {
  const again = Buffer.concat([wtmp, record(7, 'pts/3', 'alice', '', 1_754_313_000)]);
  t.strictSame(findLastLogin(again, 'alice', 'pts/3'), { at: 1_754_312_000_000, from: '192.0.2.7' });
});

t.test('a first login has none before it', async t => {
  t.equal(findLastLogin(wtmp, 'carol', 'pts/3'), undefined);
  t.equal(findLastLogin(Buffer.alloc(0), 'alice', 'pts/3'), undefined);
  t.equal(findLastLogin(wtmp.subarray(-384), 'alice', 'pts/3'), undefined);
});

t.test('a host name in the record cannot reach the terminal as an escape sequence', async t => {
  const evil = record(7, 'pts/0', 'alice', '\u001b[2Jhost', 1_754_310_896);
  t.equal(findLastLogin(evil, 'alice', 'pts/3')?.from, '?[2Jhost');
});

t.test('messages of the day come first, the last login after them', async t => {
  const dir = t.testdir({ dynamic: 'Linux box 6.1\n', motd: 'Welcome.\n', home: {} });
  writeFileSync(join(dir, 'wtmp'), wtmp);
  const files = {
    messages: [[join(dir, 'dynamic')], [join(dir, 'absent'), join(dir, 'motd')], [join(dir, 'home')]],
    wtmp: join(dir, 'wtmp'),
  };
  t.equal(
    greeting('alice', join(dir, 'home'), '/dev/pts/3', files),
    'Linux box 6.1\nWelcome.\nLast login: Mon Aug  4 12:34:56 2025 from there.example\n',
  );

  writeFileSync(join(dir, 'home', '.hushlogin'), '');
  t.equal(greeting('alice', join(dir, 'home'), '/dev/pts/3', files), '', '~/.hushlogin keeps it quiet');
});

t.test('with nothing to show, nothing is shown', async t => {
  const dir = t.testdir({});
  t.equal(greeting('alice', dir, '/dev/pts/3', { messages: [[join(dir, 'no')]], wtmp: join(dir, 'no') }), '');
});
