/** The harness works without the agent, and the packaged binary starts whatever its environment says. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../helpers/e2e/background.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import { copy, ssh, sshTerminal } from '../helpers/e2e/ssh.ts';
import { startSshd } from '../helpers/e2e/sshd.ts';
import { addUser, authorize } from '../helpers/e2e/users.ts';

privateHost(t);

t.test('sshd without the agent', async t => {
  const sshd = await startSshd({ forceCommand: '' });
  t.teardown(async () => await sshd.stop());
  const user = addUser({ name: 'plain', groups: ['staff', 'new-group'] });
  authorize(user, sshd.publicKey);

  t.test('runs a command', async t => {
    const { status, stdout, stderr } = await ssh(sshd, 'plain', ['id -un; id -Gn; exit 7']);
    t.equal(stdout, 'plain\nplain staff new-group\n');
    t.equal(stderr, '');
    t.equal(status, 7);
  });

  t.test('gives a shell on a terminal', async t => {
    const terminal = sshTerminal(sshd, 'plain');
    await terminal.expect('$ ');
    terminal.send('tty; exit 3\r');
    await terminal.expect('/dev/pts/');
    t.equal((await terminal.ended()).exitCode, 3);
  });

  t.test('copies a file', async t => {
    const { status, stderr } = await copy(sshd, 'scp', ['/etc/passwd', 'plain@target:copied']);
    t.equal(stderr, '');
    t.equal(status, 0);
    t.match((await ssh(sshd, 'plain', ['grep ^plain: copied'])).stdout, /^plain:x:/);
  });
});

t.test('whatever the environment says, the packaged binary starts as it was built', async t => {
  const hostile: Record<string, string> = {
    NODE_OPTIONS: '--require=/nonexistent.js',
    NODE_EXTRA_CA_CERTS: '/nonexistent.pem',
    NODE_TLS_REJECT_UNAUTHORIZED: '0',
    NODE_PATH: '/tmp',
    NODE_PENDING_DEPRECATION: '1',
    OPENSSL_CONF: opensslConfigThatLoadsCode(t.testdir()),
    LANG: 'de_DE.UTF-8',
    NO_COLOR: '',
  };
  for (const [name, value] of Object.entries(hostile)) {
    const { status, stdout, stderr } = await run([agent, '--version'], { env: { [name]: value } });
    t.match(stdout, /^trasa-agent \d+\.\d+\.\d+\n$/, `${name}=${value}`);
    t.equal(stderr, '');
    t.equal(status, 0);
  }
  const all = await run([agent, '--help'], { env: hostile });
  t.match(all.stdout, /^trasa-agent COMMAND/);
  t.equal(all.stderr, '');
});

t.test('every command explains itself and its exit statuses', async t => {
  for (const command of [[], ['login'], ['daemon'], ['check'], ['setup'], ['server'], ['ca']]) {
    const { status, stdout, stderr } = await run([agent, ...command, '--help']);
    t.match(stdout, `trasa-agent ${command.join(' ')}`.trim());
    t.match(stdout, /exit status/i, `trasa-agent ${command.join(' ')} --help`);
    t.equal(stderr, '');
    t.equal(status, 0);
  }
});

t.test('a pam_exec line that asks for help lets nobody in', async t => {
  const env = { PAM_SERVICE: 'sshd', PAM_USER: 'alice', PAM_TYPE: 'auth' };
  t.equal((await run([agent, 'pam', '--help'], { env })).status, 64);
  t.equal((await run([agent, 'pam', '--help'])).status, 0);
});

t.test('a wrong command line is refused with status 64, in one line and a hint', async t => {
  for (const words of [
    [],
    ['no-such-command'],
    ['check', '--no-such-option'],
    ['check', 'extra'],
    ['check', '--config'],
    ['setup', '--confirm', '--revert'],
    ['setup', '--door', 'window'],
  ]) {
    const { status, stdout, stderr } = await run([agent, ...words]);
    t.match(stderr, /^trasa-agent: .+\nTry 'trasa-agent --help'\.\n$/, words.join(' '));
    t.equal(stdout, '');
    t.equal(status, 64);
  }
  const { status, stderr } = await run([agent, 'login', '--no-such-option']);
  t.match(stderr, /--no-such-option/);
  t.equal(status, 64);
});

/** An openssl.cnf(5) that makes a program that reads it load a library: here one that is not there, so that it shows. */
function opensslConfigThatLoadsCode(folder: string): string {
  const path = join(folder, 'openssl.cnf');
  writeFileSync(
    path,
    `nodejs_conf = main\nopenssl_conf = main\n[main]\nengines = e\n[e]\nx = y\n[y]\ndynamic_path = /nonexistent.so\ninit = 1\n`,
  );
  return path;
}
