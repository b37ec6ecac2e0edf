/** Policies of the proxy, by OpenSSH's own clients: each way of moving files with and without the grant, lists of commands, limits, approval. */
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Finished, run } from '../helpers/e2e/background.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import { answering, configFile, startProxySite, stateDirectory, terminalAt } from '../helpers/e2e/proxy.ts';

privateHost(t);
const site = await startProxySite(['alice', 'bob'], {
  more: `
[proxy.groups]
staff = ["Alice@Example.com"]
[proxy.policies.no-files]
groups = "staff"
accounts = "alice"
secondFactor = "not-required"
fileTransfer = false
[proxy.policies.listed]
groups = "staff"
accounts = "bob"
secondFactor = "not-required"
commands = ["id -un", "echo *"]
fileTransfer = true
[proxy.policies.idle]
people = "bob@example.com"
accounts = "alice"
secondFactor = "not-required"
idleTimeout = 1
[proxy.policies.vault]
people = "bob@example.com"
accounts = "bob"
secondFactor = "not-required"
approval = true
`,
});
t.teardown(async () => await site.stop());

const folder = mkdtempSync('/root/files-');
const here = join(folder, 'here');
const back = join(folder, 'back');
writeFileSync(here, 'a file');

type Line = readonly [string, ...string[]];

/** There and back. `far` is the other end as the clients name it. */
const ways: Readonly<Record<string, (far: string) => readonly Line[]>> = {
  sftp: far => [batch(far, `put ${here} moved`), batch(far, `get moved ${back}`)],
  'scp -s': far => scp('-s', far),
  'scp -O': far => scp('-O', far),
  rsync: far => [
    ['rsync', '-e', `ssh ${flags().join(' ')}`, here, `${far}:moved`],
    ['rsync', '-e', `ssh ${flags().join(' ')}`, `${far}:moved`, back],
  ],
};

for (const [way, lines] of Object.entries(ways))
  t.test(`${way}: refused without the grant, and told so; with it, there and back`, async t => {
    const { home } = site.members.alice.user;
    writeFileSync(join(home, 'moved'), 'of the host');
    for (const line of lines('alice@web1@proxy')) {
      const done = await run(line);
      t.not(done.status, 0);
      t.match(done.stderr, /The policy of this service does not permit file transfer/);
      t.match(await site.proxy.said(one => one['event'] === 'channel-refused'), { kind: 'request', target: 'web1' });
    }
    t.equal(readFileSync(join(home, 'moved'), 'utf8'), 'of the host');
    t.notOk(existsSync(back));

    for (const line of lines('bob@web1@proxy')) {
      const done = await run(line);
      t.equal(done.status, 0, done.stderr);
    }
    t.equal(readFileSync(join(site.members.bob.user.home, 'moved'), 'utf8'), 'a file');
    t.equal(readFileSync(back, 'utf8'), 'a file');
    rmSync(back);
    rmSync(join(site.members.bob.user.home, 'moved'));
  });

t.test('without file transfer a shell and its commands are there as ever', async t => {
  t.match(await ssh('alice', 'id -un | cat'), { status: 0, stdout: 'alice\n' });
  t.match(site.proxy.lines('decision').at(-1), { decision: 'bypass', reason: 'proxy-policy', detail: 'no-files' });
});

t.test('a list of commands: these, no others, and no shell', async t => {
  t.match(await ssh('bob', 'id -un'), { status: 0, stdout: 'bob\n' });
  t.match(await ssh('bob', "echo 'a  b' c"), { status: 0, stdout: 'a  b c\n' });
  for (const command of ['id', 'echo $(id)', 'echo a; id', 'scp -t x; id', 'rsync --server --daemon .']) {
    const done = await ssh('bob', command);
    t.match(done, { status: 77, stdout: '', stderr: /does not permit this command/ }, command);
    t.match(await site.proxy.said(one => one['event'] === 'channel-refused'), { type: 'exec', name: command });
  }
  const terminal = terminalAt(site.proxy, 'bob@web1', site.keys.alice);
  await terminal.expect('The policy of this service gives no shell. Name a command.');
  t.match(await terminal.ended(), { exitCode: 77 });
});

t.test('a session in which nothing happens ends, and says so on the terminal and in the log', async t => {
  const terminal = terminalAt(site.proxy, 'alice@web1', site.keys.bob);
  await terminal.expect('Nothing has happened for 1 second: the session ends.');
  await terminal.ended();
  t.match(await site.proxy.said(one => one['event'] === 'session-end' && String(one['why']).startsWith('Nothing')), {
    target: 'web1',
  });
});

t.test('an entry waits for root, who sees who it is, and lets them in', async t => {
  const entering = run(['ssh', ...flags('bob'), 'bob@web1@proxy', 'id -un']);
  const asked = await site.proxy.said(one => one['event'] === 'approval');
  const id = String(asked['approval']);
  const listed = await approvals('list');
  t.match(
    listed.stdout,
    new RegExp(`^${id}\twaiting since .*\tbob@example.com\tbob@web1\tfrom 127.0.0.1\tpolicy vault\n$`),
  );
  t.match(await approvals('approve', 'NOBODY'), { status: 1, stderr: /nothing waits under NOBODY/ });
  t.match(await approvals('approve', id.toLowerCase()), {
    stdout: 'approved: bob@example.com to bob@web1 from 127.0.0.1\n',
  });
  const done = await entering;
  t.match(done, {
    status: 0,
    stdout: 'bob\n',
    stderr: new RegExp(`Waiting for the approval of an administrator \\[${id}\\]`),
  });
  t.match(await site.proxy.said(one => one['event'] === 'approval'), { outcome: 'approved', by: /^uid 0/ });
  t.match(await run(['ssh', ...flags('bob'), '-o', 'BatchMode=yes', 'bob@web1@proxy', 'id -un']), { stdout: 'bob\n' });

  t.match(await approvals('list', '--json'), { stdout: /"state":"approved"/ });
  t.match(await approvals('refuse', id), { stdout: /^refused: bob@example.com/ });
  t.match(await run(['ssh', ...flags('bob'), 'bob@web1@proxy', 'id -un']), {
    status: 255,
    stderr: /No administrator has approved this login/,
  });
});

t.test('approvals are for root and the user of the proxy alone', async t => {
  const { uid, gid, home } = site.members.bob.user;
  const config = join(home, 'own.toml');
  const text = readFileSync(configFile, 'utf8').replace('[proxy]', `[proxy]\nrecordDirectory = "${home}"`);
  writeFileSync(config, text, { mode: 0o600 });
  chownSync(config, uid, gid);
  const done = await run([agent, 'proxy', 'approvals', 'list', '--config', config], { uid, gid, cwd: '/' });
  t.match(done, { status: 77, stdout: '', stderr: new RegExp(`${stateDirectory}: belongs to another user`) });
});

t.test('forwarding, and the way by ssh -J, as the file grants them', async t => {
  const { port } = site.upstream;
  await site.restart({
    more: `
[proxy.policies.far]
people = "alice@example.com"
secondFactor = "not-required"
forward = ["127.0.0.1:${port}"]
jump = true
[proxy.policies.near]
secondFactor = "not-required"
`,
  });
  const through = async (name: keyof typeof site.keys, to: string): Promise<Finished> =>
    await run(['ssh', ...flags(name), '-o', 'LogLevel=INFO', '-W', to, `${name}@web1@proxy`]);
  t.match(await through('alice', `127.0.0.1:${port}`), { status: 0, stdout: /^SSH-2\.0-OpenSSH/ });
  t.match(await through('alice', '127.0.0.1:9'), { stderr: /policy does not grant a connection to 127\.0\.0\.1:9/ });
  t.match(await through('bob', `127.0.0.1:${port}`), { stderr: /policy does not grant a connection to/ });
  const jump = async (name: keyof typeof site.keys): Promise<Finished> =>
    await answering(['ssh', ...flags(name), '-o', 'LogLevel=INFO', '-l', `${name}@jump`, '-W', 'web1:22', 'proxy'], {
      OTP: site.members[name].code(),
    });
  t.match(
    await jump('alice'),
    { status: 0, stdout: /^SSH-2\.0-OpenSSH/ },
    'after a code, whatever a policy says of that',
  );
  t.match(await jump('bob'), {
    status: 255,
    stderr: /policy does not let you jump to web1: say ssh ACCOUNT@web1@PROXY/,
  });
});

function flags(name: keyof typeof site.keys = 'alice'): string[] {
  return site.proxy.flags(site.keys[name]);
}

function scp(mode: string, far: string): Line[] {
  return [
    ['scp', ...flags(), mode, here, `${far}:moved`],
    ['scp', ...flags(), mode, `${far}:moved`, back],
  ];
}

function batch(far: string, line: string): Line {
  const file = join(mkdtempSync('/root/batch-'), 'lines');
  writeFileSync(file, `${line}\n`);
  return ['sftp', ...flags(), '-b', file, far];
}

async function ssh(account: string, command: string): Promise<Finished> {
  return await run(['ssh', ...flags(), `${account}@web1@proxy`, command]);
}

async function approvals(...words: string[]): Promise<Finished> {
  return await run([agent, 'proxy', 'approvals', ...words, '--config', configFile]);
}
