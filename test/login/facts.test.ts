import t from 'tap';
import { attemptFrom, clientAddress } from '../../src/login/facts.ts';

const env = {
  SSH_CONNECTION: '192.0.2.7 50022 192.0.2.1 22',
  SSH_TTY: '/dev/pts/9',
  LOGNAME: 'somebody-else',
};

t.test('an interactive login has its facts from sshd and from the terminal itself', async t => {
  t.strictSame(
    attemptFrom({ env, account: 'alice', terminal: '/dev/pts/3', interactive: true, keyFingerprint: 'SHA256:abc' }),
    {
      kind: 'attempt',
      version: '1',
      door: 'login',
      service: 'sshd',
      account: 'alice',
      rhost: '192.0.2.7',
      tty: '/dev/pts/3',
      key: 'SHA256:abc',
      interactive: true,
    },
  );
});

t.test('without a terminal there is none to name, whatever the environment says', async t => {
  const attempt = attemptFrom({
    env,
    account: 'alice',
    terminal: undefined,
    interactive: false,
    keyFingerprint: undefined,
  });
  t.notOk('tty' in attempt);
  t.equal(attempt.interactive, false);
});

t.test('what is not known is left out, not made up', async t => {
  const attempt = attemptFrom({
    env: {},
    account: 'alice',
    terminal: undefined,
    interactive: false,
    keyFingerprint: undefined,
  });
  t.strictSame(attempt, {
    kind: 'attempt',
    version: '1',
    door: 'login',
    service: 'sshd',
    account: 'alice',
    interactive: false,
  });
});

t.test('the first factor is never claimed: sshd saw to it', async t => {
  t.notOk(
    'first' in
      attemptFrom({ env, account: 'alice', terminal: undefined, interactive: false, keyFingerprint: undefined }),
  );
});

t.test('a command is cleaned and bounded for those who read it', async t => {
  const command = (text: string) =>
    attemptFrom({
      env: { SSH_ORIGINAL_COMMAND: text },
      account: 'alice',
      terminal: undefined,
      interactive: false,
      keyFingerprint: undefined,
    }).command;
  t.equal(command('ls -l'), 'ls -l');
  t.equal(command(''), '', 'an empty command is still a command');
  t.notMatch(command('echo \u001b]0;evil\u0007\nrm -rf /'), /\p{Cc}/u);
  t.equal(command('x'.repeat(100_000))?.length, 1024);
});

t.test('a client address is a numeric address or absent', async t => {
  t.equal(clientAddress('192.0.2.7 1 192.0.2.1 22'), '192.0.2.7');
  t.equal(clientAddress('2001:db8::7 1 2001:db8::1 22'), '2001:db8::7');
  t.equal(clientAddress('fe80::1%eth0 1 fe80::2%eth0 22'), 'fe80::1%eth0');
  for (const text of [
    undefined,
    '',
    'UNKNOWN 65535 UNKNOWN 65535',
    '192.0.2.7',
    'host.example 1 x 22',
    '999.1.1.1 1 x 22',
    `${'1'.repeat(999)} 1 x 22`,
  ])
    t.equal(clientAddress(text), undefined, String(text).slice(0, 40));
});
