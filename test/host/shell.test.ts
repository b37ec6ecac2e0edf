import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Inheritance } from '../../src/host/inheritance.ts';

const source = new URL('../../src/host/shell.ts', import.meta.url).href;

interface Options {
  readonly shell?: string;
  readonly sftpServer?: string;
  readonly inheritance?: Inheritance;
  /** Shell commands before; the program that becomes the shell is `"$@"`. */
  readonly script?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The words of a `sh` that runs the script, with a program for its `"$@"` that becomes the shell. */
function words(options: Options): string[] {
  const { shell = '/bin/sh', sftpServer = '', inheritance = { openFiles: 1024, ignoredSignals: 0 } } = options;
  const user = { name: 'me', uid: 0, gid: 0, home: '/', shell };
  const code = `
    import { becomeShell } from '${source}';
    becomeShell(${JSON.stringify(user)}, ${JSON.stringify(sftpServer)}, ${JSON.stringify(inheritance)});`;
  return ['-c', options.script ?? 'exec "$@"', 'sh', process.execPath, '--input-type=module', '-e', code];
}

function become(options: Options): { status: number | null; signal: string | null; stdout: Buffer; stderr: string } {
  // By env(1), since `tap run` adds to the environment that spawnSync is told.
  const env = Object.entries({ PATH: process.env['PATH'], ...options.env }).map(([name, value]) => `${name}=${value}`);
  const { status, signal, stdout, stderr } = spawnSync('env', ['-i', ...env, '/bin/sh', ...words(options)]);
  return { status, signal, stdout, stderr: String(stderr) };
}

/** Like {@link become}, for what is printed by a command. */
function printed(command: string, options: Options = {}): string {
  return String(become({ ...options, env: { ...options.env, SSH_ORIGINAL_COMMAND: command } }).stdout);
}

t.test('without a command a login shell starts, named like one', async t => {
  const { stdout, status } = become({ shell: '/bin/bash', script: 'echo \'echo "$0 $-"; exit 5\' | "$@"' });
  t.match(String(stdout), /^-bash [a-zA-Z]*\n$/);
  t.equal(status, 5);
});

t.test('a command is run by the shell, with its words, and its status is ours', async t => {
  const { stdout, status } = become({
    shell: '/bin/bash',
    env: { SSH_ORIGINAL_COMMAND: 'printf "%s\\n" "$0" \'a  b\' $#; exit 7' },
  });
  t.equal(String(stdout), 'bash\na  b\n0\n');
  t.equal(status, 7);
});

t.test('a command that kills itself is seen to be killed', async t => {
  t.equal(become({ env: { SSH_ORIGINAL_COMMAND: 'kill -PIPE $$' } }).signal, 'SIGPIPE');
});

t.test('bytes that are not UTF-8 arrive as they were sent', async t => {
  const script = `export SSH_ORIGINAL_COMMAND="$(printf 'printf %%s a\\377b "$LC_ODD"')" LC_ODD="$(printf '\\376')"; exec "$@"`;
  t.same(become({ script }).stdout, Buffer.from([0x61, 0xff, 0x62, 0xfe]));
});

t.test('the environment is what sshd made, without what is ours and what the shell in between added', async t => {
  const env = { HOME: '/', LC_X: 'a=b c', SHLVL: '2', OLDPWD: '/x', PWD: '/y', _: '/z', PATH: '/usr/bin:/bin' };
  const seen = printed(`tr '\\0' '\\n' </proc/$$/environ`, { env })
    .split('\n')
    .filter(line => line !== '')
    .toSorted();
  t.same(seen, ['HOME=/', 'LC_X=a=b c', 'PATH=/usr/bin:/bin']);
});

/** What a program is given by its parent and Node might have changed. */
const probe = `
  grep -E '^(Umask|SigBlk|SigIgn|Cap...|NoNewPrivs|Seccomp|THP_enabled|Cpus_allowed|Mems_allowed):' /proc/self/status
  cat /proc/self/limits
  for file in timerslack_ns oom_score_adj coredump_filter personality autogroup; do cat /proc/$$/$file; done
  cut -d' ' -f 5,6,7,18,19,41 /proc/$$/stat | cut -d' ' -f 4-
  for fd in 0 1 2; do grep flags /proc/$$/fdinfo/$fd; done
  ls /proc/$$/fd
  pwd`;

t.test('nothing that Node changed is left', async t => {
  const limits = 'ulimit -Sn 777; umask 027; cd /usr; ';
  const inheritance = { openFiles: 777, ignoredSignals: 0 };
  const ours = printed(probe, { inheritance, script: `${limits} exec "$@" </dev/null` });
  const without = spawnSync('/bin/sh', ['-c', `${limits} exec sh -c "$0" </dev/null`, probe]).stdout;
  t.match(ours, /Max open files +777 /);
  t.equal(ours, String(without));
});

t.test('signals that were ignored before Node started stay ignored, and no others', async t => {
  const sigxfsz = 1 << 24;
  const ignored = (signals: number): string =>
    printed('grep SigIgn /proc/self/status', { inheritance: { openFiles: 1024, ignoredSignals: signals } });
  t.equal(ignored(0), 'SigIgn:\t0000000000000000\n');
  t.equal(ignored(sigxfsz | 1), 'SigIgn:\t0000000001000001\n');
});

t.test('the limit of open files is never above the hard one', async t => {
  const inheritance = { openFiles: 1024, ignoredSignals: 0 };
  t.equal(printed('ulimit -Sn; ulimit -Hn', { inheritance, script: 'ulimit -n 300; exec "$@"' }), '300\n300\n');
});

t.test('a shell that cannot be started is told, with a status and without a stack', async t => {
  const dir = t.testdir({ text: 'not a program' });
  for (const [shell, status, why] of [
    ['/nonexistent/shell', 127, 'No such file or directory'],
    ['/bin/bash -x', 127, 'No such file or directory'],
    [join(dir, 'text'), 126, 'Permission denied'],
    [dir, 126, 'Permission denied'],
  ] as const) {
    const ending = become({ shell });
    t.equal(ending.status, status);
    t.equal(ending.stderr, `trasa-agent: cannot start ${shell}: ${why}\n`);
  }
});

t.test('no shell in passwd means /bin/sh', async t => {
  t.equal(printed('readlink /proc/$$/exe', { shell: '' }), `${realpathSync('/bin/sh')}\n`);
});

t.test("sshd's internal sftp-server becomes the one that is configured, with its options", async t => {
  const dir = t.testdir({ server: '#!/bin/sh\nprintf "%s," "$@"\n' });
  const sftpServer = join(dir, 'server');
  chmodSync(sftpServer, 0o755);
  t.equal(printed('internal-sftp -f AUTH -l INFO', { sftpServer }), '-f,AUTH,-l,INFO,');
  t.equal(printed('internal-sftp', { sftpServer }), ',');
});

t.test('if the configured sftp-server is not there, no other takes its place', async t => {
  const ending = become({ sftpServer: '/nonexistent/server', env: { SSH_ORIGINAL_COMMAND: 'internal-sftp' } });
  t.equal(ending.status, 127);
  t.equal(ending.stderr, 'trasa-agent: cannot start /nonexistent/server: No such file or directory\n');
});

const usual = '/usr/lib/openssh/sftp-server';

t.test('otherwise the usual one answers', { skip: existsSync(usual) ? false : `no ${usual}` }, async t => {
  const child = spawn('/bin/sh', words({}), {
    env: { PATH: process.env['PATH'], SSH_ORIGINAL_COMMAND: 'internal-sftp' },
  });
  child.stdin.write(Buffer.from([0, 0, 0, 5, 1, 0, 0, 0, 3])); // SSH_FXP_INIT, version 3
  const answer = await new Promise<Buffer>(resolve => child.stdout.once('data', resolve));
  t.same(answer.subarray(4, 9), Buffer.from([2, 0, 0, 0, 3])); // SSH_FXP_VERSION
  child.stdin.end();
  t.equal(await new Promise(resolve => child.on('close', resolve)), 0);
});

t.test('nothing of us is loaded into what follows', async t => {
  t.notMatch(printed('cat /proc/$$/maps'), /trasa_native/);
  t.notMatch(readFileSync('/proc/self/maps', 'utf8'), /trasa_native/, 'nor is the addon loaded before it is needed');
});
