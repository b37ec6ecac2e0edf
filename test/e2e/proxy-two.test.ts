/** Two proxies before the same hosts, with one server and one CA: what one has used up, the other does not take. */
import { chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { Background, run } from '../helpers/e2e/background.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import { answering, startProxySite, stateDirectory } from '../helpers/e2e/proxy.ts';

privateHost(t);

const site = await startProxySite(['alice', 'bob'], { grace: 600 });
const { uid, gid } = statSync(stateDirectory);
const second = await startSecond();
t.teardown(async () => {
  await second.process.stop();
  await site.stop();
});

async function startSecond(): Promise<{ readonly process: Background; readonly flags: string[] }> {
  const directory = '/var/lib/second-proxy';
  mkdirSync(directory, { mode: 0o700 });
  chownSync(directory, uid, gid);
  const config = readFileSync('/etc/trasa/trasa-proxy.toml', 'utf8');
  const ofSecond = config.replace('[proxy]', `[proxy]\nstateDirectory = "${directory}"`);
  writeFileSync('/etc/trasa/second.toml', ofSecond, { mode: 0o640 });
  chownSync('/etc/trasa/second.toml', 0, gid);
  const process = new Background([agent, 'proxy', '--config', '/etc/trasa/second.toml'], { uid, gid, cwd: '/' });
  const [, port = ''] = await process.printed(/"text":"ready".*"port":(\d+)/);
  const known = `[127.0.0.1]:${port} ${readFileSync(`${directory}/ssh_host_ed25519_key.pub`, 'utf8')}`;
  writeFileSync('/root/known-second', known);
  const mine = ['-o', `Port=${port}`, '-o', 'UserKnownHostsFile=/root/known-second', '-o', 'ControlPath=none'];
  return { process, flags: mine };
}

t.test('a code that was used at one is used up at the other', async t => {
  const code = site.members.alice.code();
  const first = ['ssh', ...site.proxy.flags(site.keys.alice), 'alice@web1@proxy', 'id -un'] as const;
  t.match(await answering(first, { OTP: code }), { status: 0, stdout: 'alice\n' });
  const [program, ...words] = first;
  const again = await answering([program, ...second.flags, ...words], { OTP: code });
  t.match(again, { status: 255, stdout: '', stderr: /used already|Wrong code|Login Failed/ });
  t.match(second.process.stdout, /"decision":"deny"/);
});

t.test('a grace is of the proxy that gave it', async t => {
  const flags = [...second.flags, ...site.proxy.flags(site.keys.alice)];
  t.match(await run(['ssh', '-o', 'BatchMode=yes', ...flags, 'alice@web1@proxy', 'true']), { status: 255 });
});

t.test('both sign with one CA, and no serial twice', async t => {
  const { bob } = site.members;
  const words = [...site.proxy.flags(site.keys.bob), 'bob@web1@proxy', 'id -un'];
  t.match(await answering(['ssh', ...second.flags, ...words], { OTP: bob.code() }), { status: 0, stdout: 'bob\n' });
  const { stdout } = await run([agent, 'ca', 'issued', '--json'], { uid, gid, cwd: '/' });
  const serials = stdout.match(/"serial":"?\d+/g) ?? [];
  t.ok(serials.length >= 2, stdout);
  t.equal(new Set(serials).size, serials.length);
});
