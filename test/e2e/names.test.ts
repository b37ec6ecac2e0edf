/** Accounts and shells of every kind behind the agent. */
import t from 'tap';
import { startDaemon } from '../helpers/e2e/agent.ts';
import { run } from '../helpers/e2e/background.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { ssh } from '../helpers/e2e/ssh.ts';
import { startSshd } from '../helpers/e2e/sshd.ts';
import { addUser, authorize } from '../helpers/e2e/users.ts';

privateHost(t);

const long = `l${'o'.repeat(200)}ng`;
const daemon = await startDaemon(`trasaServerURL = "https://127.0.0.1:9"
serviceID = "none"
serviceKey = "none"
[policy]
exemptUsers = ["root", "no-login", "no-shell", "with-arguments", "jürgen", "${long}", "gone"]
exemptGroups = ["robots"]
`);
const [plain, guarded] = [await startSshd({ forceCommand: '' }), await startSshd()];
t.teardown(async () => await Promise.all([plain.stop(), guarded.stop(), daemon.stop()]));

function account(name: string, shell?: string, groups: readonly string[] = []): void {
  const user = addUser({ name, groups, ...(shell === undefined ? {} : { shell }) });
  for (const { publicKey } of [plain, guarded]) authorize(user, publicKey);
}

t.test('root', async t => {
  authorize({ name: 'root', uid: 0, gid: 0, home: '/root', shell: '/bin/bash' }, guarded.publicKey);
  const { status, stdout } = await ssh(guarded, 'root', ['id -un; exit 3']);
  t.equal(stdout, 'root\n');
  t.equal(status, 3);
});

t.test('an account whose shell is nologin is told so by nologin', async t => {
  account('no-login', '/usr/sbin/nologin');
  const expected = await ssh(plain, 'no-login', ['id']);
  t.match(await ssh(guarded, 'no-login', ['id']), { status: expected.status, stdout: expected.stdout });
});

t.test('an account without a shell in passwd gets /bin/sh', async t => {
  account('no-shell', '');
  const { status, stdout } = await ssh(guarded, 'no-shell', ['echo $0; exit 4']);
  t.match(stdout, /^sh\n$/);
  t.equal(status, 4);
});

t.test('a shell with arguments in passwd works no better than with sshd alone', async t => {
  account('with-arguments', '/bin/bash -x');
  const expected = await ssh(plain, 'with-arguments', ['id']);
  const got = await ssh(guarded, 'with-arguments', ['id']);
  t.not(expected.status, 0);
  t.not(got.status, 0);
  t.equal(got.stdout, '');
});

t.test('names beyond ASCII, and very long ones', async t => {
  for (const name of ['jürgen', long]) {
    account(name);
    const { status, stdout, stderr } = await ssh(guarded, name, ['id -un']);
    t.equal(stdout, `${name}\n`);
    t.equal(stderr, '');
    t.equal(status, 0);
    t.match(await daemon.audited(line => line['account'] === name), { decision: 'bypass', reason: 'exempt-user' });
  }
});

t.test('a group exempts its primary and its supplementary members', async t => {
  account('robot', undefined, ['robots']);
  t.equal((await ssh(guarded, 'robot', ['exit 2'])).status, 2);
  t.match(await daemon.audited(line => line['account'] === 'robot'), { reason: 'exempt-group', detail: 'robots' });
  account('human');
  t.not((await ssh(guarded, 'human', ['true'])).status, 0);
});

t.test('one account cannot ask for another, whatever its environment says', async t => {
  account('mallory');
  const mallory = await ssh(guarded, 'mallory', ['true']);
  t.not(mallory.status, 0);
  for (const env of [
    { LOGNAME: 'root', USER: 'root' },
    { LOGNAME: 'gone', USER: 'gone' },
  ]) {
    const { status, stdout } = await run(
      [
        '/usr/bin/setpriv',
        '--reuid=mallory',
        '--regid=mallory',
        '--init-groups',
        '/usr/lib/trasa-agent/trasa-agent',
        'login',
      ],
      { env: { ...env, SSH_ORIGINAL_COMMAND: 'echo in', SSH_CONNECTION: '192.0.2.1 1 192.0.2.2 22' } },
    );
    t.not(status, 0);
    t.notMatch(stdout, /in/);
  }
});

t.test('an account that vanished while it was logging in is refused', async t => {
  const { status, stdout, stderr } = await run(
    [
      '/usr/bin/setpriv',
      '--reuid=54321',
      '--regid=54321',
      '--clear-groups',
      '/usr/lib/trasa-agent/trasa-agent',
      'login',
    ],
    { env: { LOGNAME: 'gone', SSH_ORIGINAL_COMMAND: 'echo in' } },
  );
  t.not(status, 0);
  t.equal(stdout, '');
  t.match(stderr, /^trasa-agent: .*\n$/);
});

t.test('what the client asks to run is run as it is, and logged without its control characters', async t => {
  const { stdout } = await ssh(guarded, 'jürgen', ["printf '%s|' $'a\\u001b[31mb' \"$(printf 'x\\ty')\"; echo 'ü€'"]);
  t.equal(stdout, 'a\u001b[31mb|x\ty|ü€\n');
  const line = await daemon.audited(line => line['event'] === 'decision' && line['account'] === 'jürgen');
  t.notMatch(String(line['command']), /\p{Cc}/u);
});
