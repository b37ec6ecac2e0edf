/** The proxy as several processes, with OpenSSH before it: crashes, sessions as an administrator sees them, reload, end. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../helpers/e2e/background.ts';
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
import { Terminal } from '../helpers/e2e/terminal.ts';
import { until } from '../helpers/e2e/until.ts';

privateHost(t);

const usual = { proxy: 'workers = 2\ndrainTime = 1', service: 'record = true' };
const site = await startProxySite(['alice', 'bob'], usual);
t.teardown(async () => await site.stop());

t.test('a worker that is killed takes its sessions with it, says so, and is replaced', async t => {
  await until('both workers', () => bothServe());
  const both = [await shell('alice'), await shell('bob')].map(({ terminal }) => terminal);
  const [victim = 0, ...others] = workersOf(site.proxy);
  t.equal(others.length, 1);
  process.kill(victim, 'SIGKILL');
  t.match(await site.proxy.said(line => line['how'] === 'SIGKILL'), { level: 'error', worker: victim });
  const lost = await Promise.race(both.map(async terminal => await terminal.ended().then(() => terminal)));
  const kept = both.find(terminal => terminal !== lost);
  kept?.send('echo still "here"\r');
  await kept?.expect('still here');
  await site.proxy.said(line => line['text'] === 'a worker serves');
  t.equal(workersOf(site.proxy).length, 2);
  await leave((await shell('alice')).terminal);
  await leave(kept);
});

t.test('sessions are listed, for root and the user of the proxy alone', async t => {
  const { terminal, id } = await shell('alice');
  const { status, stdout } = await sessions('list', '--json');
  t.equal(status, 0);
  const [session, ...others] = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>);
  t.strictSame(others, []);
  t.match(session, {
    id,
    person: 'alice@example.com',
    account: 'alice',
    service: 'web1',
    client: '127.0.0.1',
    channels: ['shell'],
    isRecorded: true,
  });
  t.ok(Number(session?.['bytesIn']) > 0 && Number(session?.['bytesOut']) > 0);
  t.match(
    (await sessions('list')).stdout,
    new RegExp(`^${id}  alice@example.com to alice@web1 from 127.0.0.1  .* recorded  shell\n$`),
  );
  const { uid, gid } = site.members.bob.user;
  const refused = await run([agent, 'proxy', 'sessions', 'list'], { uid, gid, cwd: '/' });
  t.match(refused, { status: 69, stdout: '', stderr: /EACCES/ });
  await leave(terminal);
  await until('the end of the session', async () => (await sessions('list')).stdout === '');
});

t.test('a session is watched: its output as it comes, no key of the watcher, and the log says who', async t => {
  const { terminal, id } = await shell('alice');
  const watcher = new Terminal([agent, 'proxy', 'sessions', 'watch', id]);
  await watcher.expect(`Watching ${id}`);
  t.match(await site.proxy.said(line => line['event'] === 'watch-start'), { attempt: id, uid: 0 });
  terminal.send('printf "\\033[7m%s\\033[0m\\n" seen\r');
  await watcher.expect('\u001b[7mseen\u001b[0m');
  watcher.send('echo by the watcher\r');
  terminal.send('echo by "alice"\r');
  await terminal.expect('by alice');
  t.notMatch(terminal.output, /watcher/);
  watcher.send('q');
  t.match(await watcher.ended(), { exitCode: 0 });
  await site.proxy.said(line => line['event'] === 'watch-end');
  await leave(terminal);
  t.match(await sessions('watch', id), { status: 1, stderr: /there is no such session/ });
});

t.test('a session is ended by an administrator, and the person reads that', async t => {
  const { terminal, id } = await shell('alice');
  const watcher = new Terminal([agent, 'proxy', 'sessions', 'watch', id]);
  await watcher.expect(`Watching ${id}`);
  t.match(await sessions('end', id), { status: 0, stderr: '' });
  await terminal.expect('An administrator has ended this session.');
  t.match(await terminal.ended(), { exitCode: 255 });
  await watcher.expect('The session is over');
  await watcher.ended();
  t.match(await site.proxy.said(line => line['event'] === 'ended-by-administrator'), { attempt: id, uid: 0 });
  t.match(await sessions('end', id), { status: 1, stderr: /there is no such session/ });
});

t.test('SIGHUP: a broken file changes nothing; a good one is for those who come', async t => {
  const { terminal } = await shell('alice');
  const before = workersOf(site.proxy);
  site.reload('[proxy]\nworkers = "many"\nmaxSesions = 3\n');
  await site.proxy.said(line => /maxSesions/.test(String(line['text'])));
  await site.proxy.said(line => line['text'] === 'the old configuration stays');
  t.strictSame(workersOf(site.proxy), before);

  site.reload({ ...usual, service: 'record = false' });
  await site.proxy.said(line => line['text'] === 'reloaded');
  terminal.send('echo still "here"\r');
  await terminal.expect('still here');
  const { terminal: later, id } = await shell('alice');
  t.match((await sessions('list')).stdout, new RegExp(`${id}  .* out  shell\n$`), 'the new one is not recorded');
  await leave(later);
  await leave(terminal);
  await until('the end of the old workers', () => !workersOf(site.proxy).some(pid => before.includes(pid)));
});

t.test('an address that is kept out is listed, and let in again, by root', async t => {
  const penalties = async (...words: string[]) => await run([agent, 'proxy', 'penalties', ...words]);
  t.match(await penalties('list'), { status: 0, stdout: '' });
  site.reload(readFileSync(configFile, 'utf8').replace(/^penaltyExempt.*$/m, ''));
  await site.proxy.said(line => line['text'] === 'reloaded');
  const ssh = ['ssh', ...site.proxy.flags(), 'nobody@web1@proxy'] as const;
  // At once: each adds some seconds to what keeps them all out, and one after the other they would be half paid off.
  const wrong = { Email: 'nobody@example.com', Password: 'wrong' };
  await Promise.all(Array.from({ length: 8 }, async () => await answering(ssh, wrong)));
  const right = [
    'ssh',
    ...site.proxy.flags(site.keys.alice),
    '-o',
    'BatchMode=yes',
    'alice@web1@proxy',
    'true',
  ] as const;
  t.match(await run(right), { status: 255, stderr: /closed|reset/ }, 'whatever they know');
  t.match(await penalties('list', '--json'), {
    status: 0,
    stdout: /^\{"source":"127\.0\.0\.1","until":"\d{4}-.*"\}\n$/,
  });
  t.match(await penalties('forgive', '192.0.2.1'), { status: 1, stderr: /nothing is held against 192\.0\.2\.1/ });
  t.match(await penalties('forgive', '127.0.0.1'), { status: 0 });
  t.match(
    await site.proxy.said(line => line['event'] === 'let-in-by-administrator' && line['client'] === '127.0.0.1'),
    {
      uid: 0,
    },
  );
  t.match(await penalties('list'), { status: 0, stdout: '' });
  t.match(await run(right), { status: 0 });
  const { uid, gid } = site.members.bob.user;
  t.match(await run([agent, 'proxy', 'penalties', 'list'], { uid, gid, cwd: '/' }), { status: 69, stdout: '' });
});

t.test('SIGTERM: who is in may end in peace for a while, then is told, and what was recorded is whole', async t => {
  await site.restart(usual);
  const [quick, slow] = [await shell('alice'), await shell('alice')];
  site.proxy.process.child.kill('SIGTERM');
  await site.proxy.said(line => line['text'] === 'stopping');
  await leave(quick.terminal);
  await slow.terminal.expect('The proxy is shutting down');
  t.match(await slow.terminal.ended(), { exitCode: 255 });
  t.match(await site.proxy.process.finished, { status: 0, stderr: '' });
  t.notOk(site.proxy.lines().some(line => line['level'] === 'error'));
  for (const { id } of [quick, slow]) {
    const [file = ''] = globSync(`${id}-*.cast`, { cwd: recordings });
    const lines = readFileSync(join(recordings, file), 'utf8').trimEnd().split('\n');
    for (const line of lines) t.doesNotThrow(() => void JSON.parse(line));
    t.ok(lines.length > 1);
  }
  t.throws(() => readFileSync(join(stateDirectory, 'control.sock')), { code: 'ENOENT' });
});

t.test('without the first process there is none', async t => {
  await site.restart(usual);
  const { terminal } = await shell('bob');
  const all = workersOf(site.proxy);
  site.proxy.process.child.kill('SIGKILL');
  await terminal.expect('The proxy is shutting down');
  await terminal.ended();
  await until('the end of all', () => all.every(pid => !existsSync(`/proc/${pid}`)));
  t.match(await sessions('list'), { status: 69, stderr: /ECONNREFUSED/ });
  await site.restart(usual);
  t.match(await sessions('list'), { status: 0 }, "and what it left behind is in nobody's way");
});

/** A shell of this account, and the id of its session. */
async function shell(name: 'alice' | 'bob'): Promise<{ terminal: Terminal; id: string }> {
  const terminal = terminalAt(site.proxy, `${name}@web1`, site.keys[name]);
  const [asked] = await terminal.expect(/OTP\(Blank for U2F\): |\$ $/);
  if (asked.startsWith('OTP')) {
    terminal.send(`${site.members[name].code()}\r`);
    await terminal.expect(/\$ $/);
  }
  const { attempt } = await site.proxy.said(line => line['event'] === 'session-start');
  return { terminal, id: String(attempt) };
}

async function leave(terminal: Terminal | undefined): Promise<void> {
  terminal?.send('exit\r');
  await terminal?.ended();
}

async function sessions(...words: string[]) {
  return await run([agent, 'proxy', 'sessions', ...words]);
}

function bothServe(): boolean {
  return site.proxy.lines().filter(line => line['text'] === 'a worker serves').length === 2;
}

/** The processes that the proxy has started. */
