import t from 'tap';
import { mayRun, mayStart, movesFiles, plainWords } from '../../src/policy/commands.ts';
import { type Grant, usualGrant } from '../../src/policy/grant.ts';

const grant = (more: Partial<Grant>): Grant => ({ ...usualGrant(false), ...more });

/** What clients of today ask a host for, and clothes that people put it in. */
const transfers = [
  'scp -t /srv',
  'scp -v -r -p -d -t /srv',
  'scp -f file',
  'scp -pt x',
  '/usr/bin/scp -t x',
  "'scp' -t x",
  's\\cp -t x',
  'env A=b scp -t x',
  'true; scp -f /etc/passwd',
  '$(scp -f x)',
  'sudo scp -f /etc/shadow',
  'rsync --server -vlogDtpre.iLsfxCIvu . /srv',
  'rsync --server --sender -vlogDtpre.iLsfxCIvu . /srv',
  '/usr/local/bin/rsync --server .',
  'rsync --daemon --config=x',
  'sftp-server',
  'internal-sftp',
  '/usr/lib/openssh/sftp-server -e',
  '/usr/libexec/openssh/sftp-server',
  '(/usr/lib/openssh/sftp-server)',
];
const others = ['', 'ls', 'scp', 'ls scp', 'rsync -a here there', 'echo sftp', 'git-upload-pack /x', 'cat scp-t'];

t.test('sftp, scp and rsync alike: with the grant and without', async t => {
  for (const command of transfers) {
    t.ok(movesFiles(command), command);
    t.ok(mayRun(command, grant({})), command);
    t.notOk(mayRun(command, grant({ fileTransfer: false })), command);
  }
  for (const command of others) {
    t.notOk(movesFiles(command), command);
    t.ok(mayRun(command, grant({ fileTransfer: false })), command);
  }
  t.ok(mayStart('sftp', grant({})));
  t.notOk(mayStart('sftp', grant({ fileTransfer: false })));
  t.ok(mayStart('sftp', grant({ shell: false, commands: ['id'] })), 'whatever the commands');
  t.notOk(mayStart('netconf', grant({})));
});

t.test('a list of commands is closed', async t => {
  const commands = ['uptime', 'systemctl status *', "git-upload-pack '/srv/*.git'", 'git-receive-pack *', 'echo $HOME'];
  const listed = grant({ shell: false, fileTransfer: false, commands });
  for (const command of [
    'uptime',
    'systemctl status nginx',
    "systemctl status 'nginx; x'",
    'systemctl  status nginx.service',
    "git-receive-pack '/srv/a b.git'",
    'echo $HOME',
  ])
    t.ok(mayRun(command, listed), command);
  for (const command of [
    '',
    'uptime ',
    'uptime; id',
    'Uptime',
    '/usr/bin/uptime',
    'systemctl status',
    'systemctl status nginx; id',
    'systemctl status nginx && id',
    'systemctl status nginx\nid',
    'systemctl status $(id)',
    'systemctl status `id`',
    'systemctl status "$(id)"',
    'systemctl status "`id`"',
    'systemctl status $HOME',
    'systemctl status a > b',
    'systemctl status < b',
    'systemctl status *',
    'systemctl status {a,b}',
    'systemctl status a & id',
    'systemctl status a | id',
    "systemctl status 'a",
    'systemctl status a\\',
    'systemctl status #',
    'systemctl status ~root',
    'systemctl status a\0',
    'LD_PRELOAD=x systemctl status a',
    'systemctl restart nginx',
    ...transfers,
  ])
    t.notOk(mayRun(command, listed), JSON.stringify(command));
  t.notOk(mayRun('anything', grant({ commands: [] })));
});

t.test('beside a list, file transfer opens what clients ask for, and not a word more', async t => {
  const listed = grant({ shell: false, fileTransfer: true, commands: ['uptime'] });
  for (const command of [
    'scp -t /srv',
    "scp -v -r -p -d -t -- '-odd name'",
    '/usr/bin/scp -f file',
    'rsync --server -vlogDtpre.iLsfxCIvu . /srv',
    'rsync --server --sender -vlogDtpre.iLsfxCIvu --partial . /srv/a\\ b',
    'internal-sftp',
    '/usr/lib/openssh/sftp-server',
    '/usr/libexec/sftp-server',
  ])
    t.ok(mayRun(command, listed), command);
  for (const command of [
    'scp -t x; id',
    'scp -t $(id)',
    'scp -S /tmp/x -t y',
    'scp -t -S/tmp/x y',
    'scp -t y -S/tmp/x',
    'scp -t',
    'scp -t --',
    'scp -o ProxyCommand=x -t y',
    'scp a b',
    './scp -t x',
    '/home/alice/scp -t x',
    'rsync --server --daemon .',
    'rsync --server --config=x .',
    'rsync --server -svlogDtpre.iLsfxCIvu . /srv',
    'rsync --server --secluded-args . /srv',
    'rsync -e id --server .',
    '/tmp/sftp-server',
    '/usr/lib/openssh/sftp-server -l DEBUG',
    'env scp -t x',
    'id',
  ])
    t.notOk(mayRun(command, listed), command);
});

t.test('words in which a shell finds nothing to do', async t => {
  t.strictSame(plainWords(`a 'b c' "d"e\\ f ''`), ['a', 'b c', 'de f', '']);
  t.equal(plainWords(' '), undefined);
  t.equal(plainWords('\u0430'), undefined, 'no letters but ASCII without quotes');
  t.strictSame(plainWords("ls 'f\u00fcr'"), ['ls', 'f\u00fcr']);
  t.notOk(movesFiles('x '.repeat(100_000)), 'and it takes no time');
  t.ok(plainWords('x '.repeat(100_000)));
});
