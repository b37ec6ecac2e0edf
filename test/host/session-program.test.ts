import t from 'tap';
import { internalSftpArguments, sessionEnvironment, shellProgram } from '../../src/host/session-program.ts';

t.test('without a command it is a login shell', async t => {
  t.same(shellProgram('/usr/bin/zsh', undefined), { file: '/usr/bin/zsh', argv: ['-zsh'] });
});

t.test('with a command, however empty, the shell is given it as one word', async t => {
  t.same(shellProgram('/bin/bash', 'echo "$HOME"; exit 3').argv, ['bash', '-c', 'echo "$HOME"; exit 3']);
  t.same(shellProgram('/bin/bash', '').argv, ['bash', '-c', '']);
});

t.test('no shell in passwd means /bin/sh', async t => {
  t.same(shellProgram('', undefined), { file: '/bin/sh', argv: ['-sh'] });
});

t.test('a shell with arguments is taken for a path, as sshd does', async t => {
  t.equal(shellProgram('/bin/bash -x', undefined).file, '/bin/bash -x');
});

t.test("sshd's internal sftp-server is known by its name, and its options are kept", async t => {
  t.same(internalSftpArguments('internal-sftp'), []);
  t.same(internalSftpArguments('internal-sftp -f AUTH  -l\tINFO '), ['-f', 'AUTH', '-l', 'INFO']);
});

t.test('nothing else is taken for it', async t => {
  for (const command of [
    undefined,
    '',
    'internal-sftpd',
    ' internal-sftp',
    'x internal-sftp',
    '/internal-sftp',
    'internal-sftp;id',
  ])
    t.equal(internalSftpArguments(command), undefined, String(command));
});

t.test('what the shell in between added is taken out of the environment, and our variable', async t => {
  const { entries, originalCommand } = sessionEnvironment([
    'USER=alice',
    'SHLVL=2',
    'PWD=/home/alice',
    '_=/usr/bin/trasa-agent',
    'OLDPWD=/',
    'SSH_ORIGINAL_COMMAND=a=b c',
    'SSH_ORIGINAL_COMMAND=second',
    '__=kept',
    'PWD2=kept',
  ]);
  t.same(entries, ['USER=alice', '__=kept', 'PWD2=kept']);
  t.equal(originalCommand, 'a=b c');
});

t.test('everything else in the environment is left, however odd', async t => {
  const odd = ['A=', '=x', 'no equals sign', 'B=\xff\xfe', 'B=twice', ''];
  t.same(sessionEnvironment(odd), { entries: odd, originalCommand: undefined });
});
