/** What is left of a session through the proxy: by real clients, looked at with the program's own commands and ssh-keygen. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { objectOf } from '../../src/proxy/recording/parse.ts';
import { type Finished, run } from '../helpers/e2e/background.ts';
import { clientsFor } from '../helpers/e2e/clients.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import {
  answering,
  configFile,
  recordings,
  startProxySite,
  stateDirectory,
  terminalAt,
  workersOf,
} from '../helpers/e2e/proxy.ts';
import { until } from '../helpers/e2e/until.ts';

privateHost(t);
const site = await startProxySite(['alice'], { service: 'record = true' });
t.teardown(async () => await site.stop());

const folder = mkdtempSync('/root/files-');
const large = join(folder, 'large');
writeFileSync(large, randomBytes(3_000_001));
const { home } = site.members.alice.user;

const first = await answering(['ssh', ...flags(), 'alice@web1@proxy', 'true'], { OTP: site.members.alice.code() });
if (first.status !== 0) throw new Error(`no login: ${first.stderr}${site.proxy.process.stdout}`);
await sealedFile();

t.test('a terminal: what it showed, its sizes, how it ended, and nothing of what was typed unseen', async t => {
  const terminal = terminalAt(site.proxy, 'alice@web1', site.keys.alice);
  await terminal.expect(/\$ $/);
  terminal.send('stty -echo; echo "un"seen; read secret; stty echo; echo "got ${#secret}, \u00e9\u4e2d"\r');
  await terminal.expect('unseen'); // the terminal has been told by then
  terminal.send('never-to-be-seen\r');
  await terminal.expect('got 16');
  terminal.resize(90, 20);
  terminal.send('exit 3\r');
  await terminal.ended();
  const file = await sealedFile();
  t.match(file, /^[0-9A-Z]{26}-1\.cast$/);
  t.equal(statSync(join(recordings, file)).mode & 0o777, 0o600);
  const [header, ...events] = linesOf(file);
  t.match(header, { version: 2, width: 100, height: 30, title: /alice@example.com to alice@web1 from 127.0.0.1/ });
  t.match(header, { trasa: { kind: 'terminal', person: 'alice@example.com', account: 'alice', service: 'web1' } });
  const output = events.map(event => (event as string[])[2]).join('');
  t.match(output, 'got 16, \u00e9\u4e2d');
  t.notMatch(output, 'never-to-be-seen');
  t.ok(events.some(event => (event as string[])[1] === 'r' && (event as string[])[2] === '90x20'));
  t.match(events.at(-1), [Number, 'm', 'exit 3']);
});

t.test('a command without a terminal: both streams, apart, and how much came in', async t => {
  const done = await run(
    ['ssh', ...flags(), 'alice@web1@proxy', "cat; printf 'out \\303\\251'; printf '\\377' >&2; exit 7"],
    {
      input: 'pass',
    },
  );
  t.match(done, { status: 7 });
  const events = eventsOf(await sealedFile());
  t.equal(
    events
      .filter(one => one['stream'] === 'stdout')
      .map(one => one['text'])
      .join(''),
    'passout \u00e9',
  );
  t.match(
    events.find(one => one['stream'] === 'stderr'),
    { base64: '/w==' },
  );
  t.match(events.at(-1), { event: 'end', exit: 'exit 7', stdin: { bytes: 4 }, stdout: { bytes: 10, sha256: String } });
  t.notOk('sha256' in objectOf(events.at(-1)?.['stdin']), 'four bytes could be guessed from their digest');
});

t.test('bulk is known by its length and digest, and what comes in by the same', async t => {
  const line = `ssh ${flags().join(' ')} alice@web1@proxy 'cat; cat large' <${large} | sha256sum`;
  writeFileSync(join(home, 'large'), readFileSync(large));
  await run(['bash', '-c', line]);
  const file = await sealedFile();
  t.ok(statSync(join(recordings, file)).size < 2_500_000, 'a MiB of it is there, as base64');
  const [end] = eventsOf(file).slice(-1);
  t.match(end, { stdin: { bytes: 3_000_001, sha256: hashOf(large) }, stdout: { bytes: 6_000_002 } });
});

t.test('sftp: every file with its bytes and digest, and all that was done', async t => {
  const batch = join(folder, 'batch');
  const commands = [
    `put ${large} by-sftp`,
    `get by-sftp ${folder}/back`,
    'mkdir made',
    'rename by-sftp made/moved',
    'ln made/moved hard',
    'ln -s made soft',
    'chmod 600 hard',
    'ls made',
    '-get absent',
    'rm soft',
    'rm hard',
    'rm made/moved',
    'rmdir made',
  ];
  writeFileSync(batch, `${commands.join('\n')}\n`);
  const done = await run(['sftp', ...flags(), '-b', batch, 'alice@web1@proxy']);
  t.equal(done.status, 0, done.stderr);
  t.equal(hashOf(join(folder, 'back')), hashOf(large));
  const events = eventsOf(await sealedFile());
  const whole = { bytes: 3_000_001, sha256: hashOf(large) };
  const path = `${home}/by-sftp`;
  t.match(events, [{ event: 'open', path, flags: ['write', 'create', 'truncate'], status: 'ok' }]);
  const said = (event: string) => events.filter(one => one['event'] === event);
  t.match(said('close')[0], { path, written: whole, status: 'ok' });
  t.match(said('close')[1], { path, read: whole, status: 'ok' });
  t.match(said('rename'), [{ path, to: `${home}/made/moved`, status: 'ok' }]);
  t.match(said('hardlink'), [{ path: `${home}/made/moved`, to: `${home}/hard`, status: 'ok' }]);
  t.match(said('symlink'), [{ target: 'made', path: `${home}/soft`, status: 'ok' }]);
  t.match(said('setstat').at(-1), { path: `${home}/hard`, mode: '0600', status: 'ok' });
  t.ok(said('list').some(one => one['path'] === `${home}/made/` || one['path'] === `${home}/made`));
  t.match(
    said('remove').map(one => one['path']),
    [`${home}/soft`, `${home}/hard`, `${home}/made/moved`],
  );
  t.match(said('mkdir'), [{ path: `${home}/made`, status: 'ok' }]);
  t.match(said('rmdir'), [{ path: `${home}/made`, status: 'ok' }]);
  t.match(events.at(-1), { event: 'end', exit: 'exit 0' });
});

t.test('a file that goes on where it was cut off is known by its pieces', async t => {
  writeFileSync(join(home, 'part'), readFileSync(large).subarray(0, 1_000_000));
  chownSync(join(home, 'part'), site.members.alice.user.uid, site.members.alice.user.gid);
  const done = await run(['sftp', ...flags(), '-b', '-', 'alice@web1@proxy'], { input: `reput ${large} part\n` });
  t.equal(done.status, 0, done.stderr);
  const events = eventsOf(await sealedFile());
  const sha256 = createHash('sha256').update(readFileSync(large).subarray(1_000_000)).digest('hex');
  t.match(
    events.find(one => one['event'] === 'close'),
    { written: { pieces: [{ offset: 1_000_000, bytes: 2_000_001, sha256 }] } },
  );
  t.notOk('sha256' in objectOf(events.find(one => one['event'] === 'close')?.['written']));
});

t.test('scp, both ways and by both protocols', async t => {
  for (const mode of ['-s', '-O']) {
    const there = await run(['scp', ...flags(), mode, '-p', large, 'alice@web1@proxy:by-scp']);
    t.equal(there.status, 0, there.stderr);
    const uploaded = eventsOf(await sealedFile());
    const back = await run(['scp', ...flags(), mode, 'alice@web1@proxy:by-scp', join(folder, 'again')]);
    t.equal(back.status, 0, back.stderr);
    t.equal(hashOf(join(folder, 'again')), hashOf(large));
    const downloaded = eventsOf(await sealedFile());
    const whole = { bytes: 3_000_001, sha256: hashOf(large) };
    if (mode === '-s') {
      t.match(
        uploaded.find(one => one['event'] === 'close'),
        { written: whole },
      );
      t.match(
        downloaded.find(one => one['event'] === 'close'),
        { read: whole },
      );
    } else {
      t.match(
        uploaded.find(one => one['event'] === 'file'),
        { direction: 'upload', ...whole, status: 'ok' },
      );
      t.match(
        downloaded.find(one => one['event'] === 'file'),
        { direction: 'download', path: 'by-scp', ...whole },
      );
    }
  }
  mkdirSync(join(folder, 'tree/in'), { recursive: true });
  writeFileSync(join(folder, 'tree/in/one'), '1');
  writeFileSync(join(folder, 'tree/empty'), '');
  const tree = await run(['scp', ...flags(), '-O', '-r', join(folder, 'tree'), 'alice@web1@proxy:']);
  t.equal(tree.status, 0, tree.stderr);
  const events = eventsOf(await sealedFile());
  t.strictSame(
    new Set(events.filter(one => one['event'] === 'file').map(one => `${String(one['path'])} ${String(one['bytes'])}`)),
    new Set(['tree/in/one 1', 'tree/empty 0']),
  );
  const absent = await run(['scp', ...flags(), '-O', 'alice@web1@proxy:absent', folder]);
  t.not(absent.status, 0);
  t.match(
    eventsOf(await sealedFile()).find(one => one['event'] === 'complaint'),
    { by: 'host', text: /No such file/ },
  );
});

t.test('rsync: the command, and its streams as bytes and digests', async t => {
  const rsh = `ssh ${flags().join(' ')}`;
  const done = await run(['rsync', '-e', rsh, large, 'alice@web1@proxy:by-rsync']);
  t.equal(done.status, 0, done.stderr);
  t.equal(hashOf(join(home, 'by-rsync')), hashOf(large));
  const file = await sealedFile();
  t.match(linesOf(file)[0], { command: /^rsync --server/, trasa: { kind: 'command' } });
  t.match(eventsOf(file).at(-1), { exit: 'exit 0', stdin: { sha256: String }, stdout: { sha256: String } });
});

t.test('PuTTY and paramiko, which have an sftp of their own', async t => {
  const { pscp, paramiko } = clientsFor({
    ...site.upstream,
    port: site.proxy.port,
    privateKey: site.keys.alice,
    publicKey: readFileSync(`${site.keys.alice}.pub`, 'utf8'),
    hostKey: readFileSync(join(stateDirectory, 'ssh_host_ed25519_key.pub'), 'utf8'),
  });
  const whole = { bytes: 3_000_001, sha256: hashOf(large) };
  const there = await run(pscp(large, 'alice@web1@127.0.0.1:by-pscp'));
  t.equal(there.status, 0, there.stderr);
  t.match(
    eventsOf(await sealedFile()).find(one => one['event'] === 'close'),
    { written: whole },
  );
  const files = await run(paramiko('alice@web1', ['--put', large, 'by-paramiko', '--get', 'by-paramiko', '/root/got']));
  t.equal(files.status, 0, files.stderr);
  const closed = eventsOf(await sealedFile()).filter(one => one['event'] === 'close');
  t.match(closed, [{ written: whole }, { read: whole }]);
});

t.test('an sftp server that is asked for by its path is listened to as well', async t => {
  const server = ['-s', '/usr/lib/openssh/sftp-server -l INFO'];
  const done = await run(['sftp', ...flags(), ...server, '-b', '-', 'alice@web1@proxy'], { input: 'ls by-pscp\n' });
  t.equal(done.status, 0, done.stderr);
  const file = await sealedFile();
  t.match(linesOf(file)[0], { trasa: { kind: 'sftp' } });
});

t.test('list, play, verify and key: by root, and by nobody else', async t => {
  const list = await recordingsCommand('list', '--json');
  const all = list.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>);
  t.equal(all.length, readdirSync(recordings).filter(name => /\.(?:cast|jsonl)$/.test(name)).length);
  t.ok(all.every(one => one['sealed'] === true && one['person'] === 'alice@example.com'));
  t.match((await recordingsCommand('list', '--person', 'bob@example.com')).stdout, /^START .*\n$/);
  const cast = String(all.find(one => one['kind'] === 'terminal')?.['file']);
  const played = await recordingsCommand('play', cast, '--speed', '0');
  t.match(played.stdout, 'got 16, \u00e9\u4e2d');
  const sftp = String(all.find(one => one['kind'] === 'sftp')?.['id']);
  t.match((await recordingsCommand('play', sftp, '--speed', '0')).stdout, /close path=\S*by-sftp written=/);
  const verified = await recordingsCommand('verify');
  t.match(verified, { status: 0, stderr: '' }, verified.stdout);
  t.equal(verified.stdout.trim().split('\n').length, all.length);
  t.notMatch(verified.stdout, /: (?!sealed: )\w+: /);
  const journal = String(site.proxy.lines('recording-sealed').at(-1)?.['journal']);
  t.match(await recordingsCommand('verify', '--head', journal), { status: 0 });
  t.match(await recordingsCommand('verify', '--head', 'f'.repeat(64)), { status: 2 });
  const { uid, gid } = site.members.alice.user;
  for (const words of [['list'], ['play', cast], ['verify'], ['export'], ['key']])
    t.match(
      await run([agent, 'proxy', 'recordings', ...words, '--config', configFile], {
        uid,
        gid,
        cwd: '/',
      }),
      {
        status: 77,
        stdout: '',
      },
    );
});

t.test('what is exported can be checked with ssh-keygen alone, and by verify on any host', async t => {
  const [file = ''] = readdirSync(recordings).filter(name => name.endsWith('.cast'));
  const archive = join(folder, 'all.tar');
  t.match(await recordingsCommand('export', '--output', archive), { status: 0, stderr: '' });
  t.equal(statSync(archive).mode & 0o777, 0o600);
  execFileSync('tar', ['-xf', archive, '-C', folder]);
  const copy = join(folder, 'trasa-recordings');
  t.match(readFileSync(join(copy, file), 'utf8'), readFileSync(join(recordings, file), 'utf8'));
  const check = `ssh-keygen -Y verify -f allowed_signers -I trasa-agent-proxy -n trasa-recording -s ${file}.seal.sig <${file}.seal`;
  t.match(await run(['bash', '-c', check], { cwd: copy }), { status: 0, stdout: /^Good "trasa-recording" signature/ });
  t.equal(seal(copy, file)['sha256'], hashOf(join(copy, file)));
  const { stdout: key } = await recordingsCommand('key', '--allowed-signers');
  t.equal(key, readFileSync(join(copy, 'allowed_signers'), 'utf8'));
  const elsewhere = [
    'proxy',
    'recordings',
    'verify',
    '--directory',
    copy,
    '--key',
    join(copy, 'allowed_signers'),
  ] as const;
  t.match(await run([agent, ...elsewhere]), { status: 0 });
  appendFileSync(join(copy, file), '[9,"o","added later"]\n');
  t.match(await run([agent, ...elsewhere]), { status: 2, stdout: new RegExp(`${file}: tampered: it has \\d+ bytes`) });
});

t.test(
  'a proxy that is killed leaves a recording that is cut off, which is another thing than a changed one',
  async t => {
    const terminal = terminalAt(site.proxy, 'alice@web1', site.keys.alice);
    await terminal.expect(/\$ $/);
    terminal.send('echo before the end\r');
    await terminal.expect(/\rbefore the end|\nbefore the end/);
    const file = await until('a file without a seal', () => unsealed().at(0));
    await until('its output', () => readFileSync(join(recordings, file), 'utf8').includes('before the end'));
    const open = await recordingsCommand('verify');
    t.match(open, { status: 0, stdout: new RegExp(`${file}: open:`) });
    for (const worker of workersOf(site.proxy)) process.kill(worker, 'SIGKILL');
    site.proxy.process.child.kill('SIGKILL');
    await terminal.ended();
    await site.proxy.process.finished;
    const aside = join(stateDirectory, 'aside');
    const cut = await recordingsCommand('verify');
    t.match(cut, { status: 1, stdout: new RegExp(`${file}: cut off: unsealed: cut off at 20`) });
    renameSync(join(recordings, file), aside);
    t.match(await recordingsCommand('verify'), { status: 2, stdout: new RegExp(`${file}: tampered: it is missing`) });
    renameSync(aside, join(recordings, file));
    await site.restart({ grace: 600, service: 'record = true' });
  },
);

t.test('a session that cannot be recorded any more ends, and the person is told why', async t => {
  const full = await trouble(() => {
    t.throws(() => writeFileSync(join(recordings, 'filler'), Buffer.alloc(8 * 1024 * 1024)), { code: 'ENOSPC' });
  });
  t.match(full, { status: 255, stderr: /the session cannot be recorded: the disk of the proxy is full/ });
  const replaced = await trouble(() => {
    const [file] = unsealed();
    renameSync(join(recordings, file ?? ''), join(recordings, 'elsewhere'));
  });
  t.match(replaced, { status: 255, stderr: /the session cannot be recorded: its file cannot be written/ });

  chmodSync(recordings, 0o500);
  const denied = await run(['ssh', ...flags(), 'alice@web1@proxy', `touch ${home}/ran`]);
  t.match(denied, { status: 255, stdout: '', stderr: /the session cannot be recorded: its file cannot be written/ });
  t.notOk(existsSync(join(home, 'ran')), 'and nothing ran');
  t.notMatch(denied.stderr, /var\/lib/);
  t.match(await site.proxy.said(line => line['event'] === 'not-recorded' && /EACCES/.test(String(line['why']))), {});
  chmodSync(recordings, 0o777);
  t.match(await run(['ssh', ...flags(), 'alice@web1@proxy', 'true']), { status: 255, stderr: /cannot be recorded/ });
  chmodSync(recordings, 0o700);
  t.match(await run(['ssh', ...flags(), 'alice@web1@proxy', 'true']), { status: 0 });

  /** With a small disk of its own, a session that prints until something goes wrong. */
  async function trouble(happens: () => void): Promise<Finished> {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=0700', 'tmpfs', recordings]);
    const { uid, gid } = statSync(stateDirectory);
    chownSync(recordings, uid, gid);
    const session = run(['ssh', ...flags(), 'alice@web1@proxy', 'while echo still here; do sleep 0.2; done']);
    const [file = ''] = await until('a recording', () => (unsealed().length === 1 ? unsealed() : undefined));
    await until('output in it', () => readFileSync(join(recordings, file), 'utf8').includes('still here'));
    happens();
    const ended = await session;
    execFileSync('umount', ['-l', recordings]);
    return ended;
  }
});

function flags(): string[] {
  return site.proxy.flags(site.keys.alice);
}

async function recordingsCommand(...words: readonly string[]): Promise<Finished> {
  return await run([agent, 'proxy', 'recordings', ...words, '--config', configFile]);
}

/** The next one that is sealed. */
async function sealedFile(): Promise<string> {
  const { file } = await site.proxy.said(line => line['event'] === 'recording-sealed');
  return String(file);
}

function unsealed(): string[] {
  const names = readdirSync(recordings);
  return names.filter(name => /\.(?:cast|jsonl)$/.test(name) && !names.includes(`${name}.seal.sig`)).toReversed();
}

function linesOf(file: string): unknown[] {
  const lines = readFileSync(join(recordings, file), 'utf8').trim().split('\n');
  return lines.map(line => JSON.parse(line) as unknown);
}

function eventsOf(file: string): Record<string, unknown>[] {
  return linesOf(file).slice(1) as Record<string, unknown>[];
}

function seal(directory: string, file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(directory, `${file}.seal`), 'utf8')) as Record<string, unknown>;
}

function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
