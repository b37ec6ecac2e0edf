/** `record = true`: the agent stays in the middle, and what the terminal shows is kept where the user cannot reach it. */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startDaemon } from '../helpers/e2e/agent.ts';
import { run } from '../helpers/e2e/background.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { ssh, sshTerminal } from '../helpers/e2e/ssh.ts';
import { startSshd } from '../helpers/e2e/sshd.ts';
import { until } from '../helpers/e2e/until.ts';
import { addUser, authorize } from '../helpers/e2e/users.ts';

privateHost(t);

const recordings = '/var/lib/trasa-agent/recordings';
const sshd = await startSshd();
authorize(addUser({ name: 'actor' }), sshd.publicKey);
const daemon = await startDaemon(`trasaServerURL = "https://127.0.0.1:9"
serviceID = "none"
serviceKey = "none"
[policy]
exemptUsers = ["actor"]
[login]
record = true
`);
t.teardown(async () => await Promise.all([sshd.stop(), daemon.stop()]));

type Event = [seconds: number, code: string, data: string];

/** The newest recording, when it is complete. */
async function recording(): Promise<{
  path: string;
  header: Record<string, unknown>;
  events: Event[];
  output: string;
}> {
  return await until('the end of the recording', () => {
    const name = readdirSync(recordings).toSorted().at(-1);
    if (name === undefined) return undefined;
    const path = join(recordings, name);
    const text = readFileSync(path, 'utf8');
    if (!text.endsWith('\n')) return undefined; // a line is being written
    const [header = '{}', ...lines] = text.trimEnd().split('\n');
    const events = lines.map(line => JSON.parse(line) as Event);
    if (events.at(-1)?.[1] !== 'm') return undefined;
    const output = events.map(([, code, data]) => (code === 'o' ? data : '')).join('');
    return { path, header: JSON.parse(header) as Record<string, unknown>, events, output };
  });
}

t.test('a login shell is recorded: output, sizes and exit status, but nothing that is typed without echo', async t => {
  const terminal = sshTerminal(sshd, 'actor');
  await terminal.expect('$ ');
  terminal.send('echo $0 "$-" $SHLVL; stty size; tty\r');
  await terminal.expect(/-bash \S*i\S* 1\r\n30 100\r\n\/dev\/pts\/\d+/);
  terminal.send('stty -echo; echo "un"seen; read secret; stty echo; echo thanks\r');
  await terminal.expect('unseen'); // the terminal has been told by then
  terminal.send('hunter2\r');
  await terminal.expect('thanks');
  terminal.resize(120, 40);
  terminal.send('until [ "$(stty size)" = "40 120" ]; do :; done; echo größer\r');
  await terminal.expect(/\rgrößer/);
  terminal.send('exit 3\r');
  t.equal((await terminal.ended()).exitCode, 3);

  const { path, header, events, output } = await recording();
  const { mode, uid } = statSync(path);
  t.equal(mode & 0o777, 0o600);
  t.equal(uid, statSync('/var/lib/trasa-agent').uid);
  t.match(header, { version: 2, width: 100, height: 30, env: { TERM: 'xterm-256color', SHELL: '/bin/bash' } });
  t.match(output, 'größer');
  t.notMatch(output, 'hunter2');
  t.ok(events.some(([, code, data]) => code === 'r' && data === '120x40'));
  t.strictSame(events.at(-1)?.slice(1), ['m', 'exit 3']);
  t.notOk(events.some(([, code]) => code === 'i'));
  const times = events.map(([time]) => time);
  t.strictSame(
    times,
    times.toSorted((a, b) => a - b),
    'time does not run backwards',
  );
});

t.test('a command with a terminal is recorded, to the last byte', async t => {
  const terminal = sshTerminal(sshd, 'actor', ['seq 1 50000; printf last']);
  t.equal((await terminal.ended()).exitCode, 0);
  t.match(terminal.output, /\n50000\r\nlast$/);
  const { output, header } = await recording();
  t.equal(output, terminal.output);
  t.equal(header['command'], 'seq 1 50000; printf last');
});

t.test('what is not UTF-8 reaches the person as it is', async t => {
  const { stdout } = await run([
    'sh',
    '-c',
    `ssh -tt -F ${sshd.configFile} actor@target "printf '\\377\\376x'" | od -An -tx1`,
  ]);
  t.equal(stdout.trim(), 'ff fe 78');
});

t.test('the signal that ended the shell ends the session', async t => {
  for (const signal of ['KILL', 'TERM', 'PIPE']) {
    const { status, stderr } = await run([
      'ssh',
      '-v',
      '-tt',
      '-F',
      sshd.configFile,
      'actor@target',
      `kill -${signal} $$`,
    ]);
    t.equal(status, signal === 'PIPE' ? 141 : 255, signal); // Node cannot die of SIGPIPE
    t.match(stderr, signal === 'PIPE' ? 'rtype exit-status' : 'rtype exit-signal');
    t.strictSame((await recording()).events.at(-1)?.slice(1), ['m', `signal SIG${signal}`]);
  }
});

t.test('hanging up ends the shell, and the recording says so', async t => {
  const terminal = sshTerminal(sshd, 'actor');
  await terminal.expect('$ ');
  const before = readdirSync(recordings).length;
  terminal.hangUp();
  await terminal.ended();
  t.strictSame((await recording()).events.at(-1)?.slice(1), ['m', 'signal SIGHUP']);
  t.equal(readdirSync(recordings).length, before);
  await until('the end of the session', async () => (await run(['pgrep', '-u', 'actor'])).stdout === '');
});

t.test('a session without a terminal runs untouched, and is in the audit log only', async t => {
  const before = readdirSync(recordings).length;
  const { status, stdout, stderr } = await ssh(sshd, 'actor', ['cat; echo $PPID >/dev/null; exit 4'], { input: 'in' });
  t.strictSame([status, stdout, stderr], [4, 'in', '']);
  t.equal(readdirSync(recordings).length, before);
});

t.test('nobody but a recorder is given a shell without being asked', async t => {
  const { status, stdout, stderr } = await run([
    '/usr/lib/trasa-agent/trasa-agent',
    'login',
    '--recorded-shell',
    '1',
    '0',
    '',
    '',
  ]);
  t.equal(status, 64);
  t.equal(stdout, '');
  t.match(stderr, 'for a recording agent only');
});

t.test('a recording that cannot be begun ends the session', async t => {
  rmSync(recordings, { recursive: true });
  mkdirSync(recordings); // root's: the daemon keeps nothing where others may write
  const terminal = sshTerminal(sshd, 'actor', ['echo the shell ran']);
  t.equal((await terminal.ended()).exitCode, 69);
  t.match(terminal.output, 'cannot be recorded');
  t.notMatch(terminal.output, /^the shell ran/m);
});

t.test('a recording that breaks off ends the session', async t => {
  rmSync(recordings, { recursive: true });
  const terminal = sshTerminal(sshd, 'actor');
  await terminal.expect('$ ');
  await daemon.stop('SIGKILL');
  terminal.send('echo still here\r');
  t.equal((await terminal.ended()).exitCode, 69);
  t.match(terminal.output, 'This session was ended');
  await until('the end of the session', async () => (await run(['pgrep', '-u', 'actor'])).stdout === '');
});
