/** What an administrator asks every day: how things stand, who came in, and whether one's own factor works. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { startDevice } from '../helpers/e2e/agent.ts';
import { run } from '../helpers/e2e/background.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import { startSite } from '../helpers/e2e/site.ts';
import { Terminal } from '../helpers/e2e/terminal.ts';

privateHost(t);

const site = await startSite(['alice'], '[daemon]\nauditFile = "/var/lib/trasa-agent/audit.log"\n');
const { alice } = site.members;
t.teardown(async () => await site.stop());
const { uid, gid } = alice.user;
const asAlice = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'] as const;

t.test('a person tries their factor, and no shell follows', async t => {
  const terminal = new Terminal([...asAlice, agent, 'test']);
  await terminal.expect('Code, or Enter for push: ');
  terminal.send(`${alice.wrongCode()}\r`);
  await terminal.expect(/Wrong code/);
  const code = alice.code();
  terminal.send(`${code}\r`);
  await terminal.expect(/alice would be let in \(factor: totp\) \[01\w{24}\]/);
  t.match(await terminal.ended(), { exitCode: 0 });
  t.match(await site.daemon.audited(line => line['event'] === 'decision'), {
    decision: 'allow',
    service: 'trasa-agent-test',
    account: 'alice',
    uid,
  });
});

t.test('nobody tries the factor of another account, but for root', async t => {
  t.match(await run([...asAlice, agent, 'test', '--user', 'root']), { status: 77, stdout: '', stderr: /own account/ });
  const device = startDevice(alice.device, ['--yes', '--once']);
  t.match(await run([agent, 'test', '--user', 'alice']), {
    status: 0,
    stdout: /^alice would be let in \(factor: push\)/,
  });
  await device.stop();
});

t.test('status says how things stand', async t => {
  writeFileSync('/etc/ssh/sshd_config', 'ForceCommand exec /usr/lib/trasa-agent/trasa-agent login\n');
  const { status, stdout } = await run([agent, 'status']);
  t.equal(status, 0, stdout);
  t.match(stdout, new RegExp(`^server\n {2}${site.server.url}: accepts this host$`, 'm'));
  t.match(stdout, /^doors\n {2}\/etc\/ssh\/sshd_config:1: ForceCommand/m);
  t.match(stdout, /^ {2}\S+Z +allow +push +alice /m);
  const key = /serviceKey = "(.*)"/.exec(site.config)?.[1] ?? '';
  t.not(key, '');
  t.notOk(stdout.includes(key));
  const json = JSON.parse((await run([agent, 'status', '--json'])).stdout) as Record<string, unknown>;
  t.match(json, { daemon: { isWell: true }, server: { isWell: true }, rules: { lines: [/everybody/] } });
});

t.test('audit finds decisions by user, outcome, reason and time', async t => {
  const rows = async (...words: string[]): Promise<string[]> =>
    (await run([agent, 'audit', ...words])).stdout.trimEnd().split('\n').slice(1);
  t.equal((await rows('--user', 'alice', '--outcome', 'allow')).length, 2);
  t.match(await rows('--reason', 'not-your-account'), [/ deny +not-your-account +root /]);
  t.same(await rows('--until', '1h'), []);
  const { stdout } = await run([agent, 'audit', '--json', '--limit', '1']);
  t.match(JSON.parse(stdout), { event: 'decision', factor: 'push' });
  t.match(await run([agent, 'audit', '--since', 'yesterday']), { status: 64, stderr: /--since: say/ });
});

t.test("a bundle for support is a file of one's own, and holds no key", async t => {
  const key = /serviceKey = "(.*)"/.exec(site.config)?.[1] ?? 'none';
  const file = '/root/bundle.txt';
  t.match(await run([agent, 'support-bundle', '--output', file]), { status: 0, stdout: '', stderr: /^wrote / });
  t.equal(statSync(file).mode & 0o777, 0o600);
  const bundle = readFileSync(file, 'utf8');
  t.notOk(bundle.includes(key));
  t.match(bundle, new RegExp(`${site.server.url}: accepts this host`));
  t.match(await run([agent, 'support-bundle', '--output', file]), { status: 1, stderr: /EEXIST/ });
});

t.test('and what is not well is said, with a status', async t => {
  await site.daemon.stop();
  const { status, stdout } = await run([agent, 'status']);
  t.equal(status, 1);
  t.match(stdout, /^daemon \(NOT WELL\)\n {2}does not answer: /m);
  t.match(await run([agent, 'test', '--user', 'alice']), { status: 69 });
});
