/** Programs that talk through a session without a terminal find the line as clean as sshd made it. */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import t from 'tap';
import { startDaemon } from '../helpers/e2e/agent.ts';
import { run } from '../helpers/e2e/background.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { copy, ssh } from '../helpers/e2e/ssh.ts';
import { startSshd } from '../helpers/e2e/sshd.ts';
import { addUser, authorize } from '../helpers/e2e/users.ts';

privateHost(t);

// sshd takes each subsystem once; under a second name both kinds of sftp server are to be had.
const sshd = await startSshd({ extraConfig: 'Subsystem sftp-inside internal-sftp -l ERROR\n' });
authorize(addUser({ name: 'mover' }), sshd.publicKey);
const daemon = await startDaemon(`trasaServerURL = "https://127.0.0.1:9"
serviceID = "none"
serviceKey = "none"
[policy]
exemptUsers = ["mover"]
[login]
motd = true
record = true
`);
t.teardown(async () => await Promise.all([sshd.stop(), daemon.stop()]));

const here = '/root/transfer';
mkdirSync(here);
const sent = randomBytes(10_000_000);
const sum = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const sumOf = (path: string): string => (existsSync(path) ? sum(readFileSync(path)) : 'missing');
writeFileSync(join(here, 'sent'), sent);

for (const [how, flags] of [
  ['scp over sftp', []],
  ['scp in its own protocol', ['-O']],
] as const)
  t.test(`${how}, there and back`, async t => {
    const up = await copy(sshd, 'scp', ['-q', ...flags, join(here, 'sent'), 'mover@target:scp']);
    t.strictSame([up.status, up.stdout, up.stderr], [0, '', '']);
    const down = await copy(sshd, 'scp', ['-q', ...flags, 'mover@target:scp', join(here, 'scp')]);
    t.strictSame([down.status, down.stdout, down.stderr], [0, '', '']);
    t.equal(sumOf(join(here, 'scp')), sum(sent));
    rmSync(join(here, 'scp'));
  });

for (const [how, subsystem] of [
  ['sftp-server', 'sftp'],
  ['internal-sftp', 'sftp-inside'],
] as const)
  t.test(`sftp in batch mode with ${how}, there and back`, async t => {
    const batch = join(here, 'batch');
    writeFileSync(batch, `put ${here}/sent ${how}\nget ${how} ${here}/${how}\n`);
    const { status, stderr } = await copy(sshd, 'sftp', ['-q', '-b', batch, '-s', subsystem, 'mover@target']);
    t.strictSame([status, stderr], [0, '']);
    t.equal(sumOf(join(here, how)), sum(sent));
  });

t.test('rsync, there and back', async t => {
  const rsync = async (...paths: [string, string]) =>
    await run(['rsync', '-a', '-e', `ssh -F ${sshd.configFile}`, ...paths]);
  const up = await rsync(join(here, 'sent'), 'mover@target:rsync');
  t.strictSame([up.status, up.stdout, up.stderr], [0, '', '']);
  const down = await rsync('mover@target:rsync', join(here, 'rsync'));
  t.strictSame([down.status, down.stdout, down.stderr], [0, '', '']);
  t.equal(sumOf(join(here, 'rsync')), sum(sent));
});

t.test('git clone and push', async t => {
  const made = await ssh(sshd, 'mover', [
    'git init -q --bare repository.git && git init -q work && cd work && git -c user.name=m -c user.email=m@example.com ' +
      'commit -q --allow-empty -m first && git push -q ../repository.git HEAD:refs/heads/main',
  ]);
  t.equal(made.status, 0, made.stderr);
  const env = { GIT_SSH_COMMAND: `ssh -F ${sshd.configFile}`, HOME: here };
  const clone = await run(['git', 'clone', '-q', '-b', 'main', 'mover@target:repository.git', join(here, 'clone')], {
    env,
  });
  t.strictSame([clone.status, clone.stdout, clone.stderr], [0, '', '']);
  const push = await run(['git', '-C', join(here, 'clone'), 'push', '-q', 'origin', 'main:refs/heads/more'], { env });
  t.strictSame([push.status, push.stdout, push.stderr], [0, '', '']);
});

t.test('a command gets all of its input, byte for byte, and its output comes back so', async t => {
  const child = spawn('ssh', ['-F', sshd.configFile, 'mover@target', 'cat'], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(sent); // at once: it is there before the agent has been asked anything
  const [stdout, stderr] = await Promise.all([buffer(child.stdout), buffer(child.stderr)]);
  if (child.exitCode === null) await once(child, 'exit');
  t.equal(stdout.length, sent.length);
  t.equal(sum(stdout), sum(sent));
  t.equal(stderr.toString(), '');
  t.equal(child.exitCode, 0);
});

t.test("the client's command is executed as it came", async t => {
  const odd = `printf '%s|' "a  b" '$HOME' "\t" 'ünï' '\\n' "$(echo \\"x\\")"; echo; echo "$0 $#"`;
  const { stdout } = await ssh(sshd, 'mover', [odd]);
  t.equal(stdout, 'a  b|$HOME|\t|ünï|\\n|"x"|\nbash 0\n');
  const bytes = await run([
    'sh',
    '-c',
    `ssh -F ${sshd.configFile} mover@target "$(printf 'printf \\377\\376 | od -An -tx1')"`,
  ]);
  t.equal(bytes.stdout.trim(), 'ff fe');
});
