/** Clients that are not OpenSSH's, through the proxy: each with its own key exchange, its own dialogue and its own transfers. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../helpers/e2e/background.ts';
import { clientsFor, skipCurl } from '../helpers/e2e/clients.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { residentMiB, startProxySite, stateDirectory } from '../helpers/e2e/proxy.ts';
import { Terminal } from '../helpers/e2e/terminal.ts';

privateHost(t);
const site = await startProxySite(['paramiko', 'plink', 'dbclient']);
t.teardown(async () => await site.stop());

/** The same key for all of them: it is registered as the member's whose account is entered. */
const clients = (name: keyof typeof site.members) =>
  clientsFor({
    ...site.upstream,
    port: site.proxy.port,
    privateKey: site.keys[name],
    publicKey: readFileSync(`${site.keys[name]}.pub`, 'utf8'),
    hostKey: readFileSync(join(stateDirectory, 'ssh_host_ed25519_key.pub'), 'utf8'),
  });

t.test('paramiko: key, code, a command, and sftp there and back', async t => {
  const { code, user } = site.members.paramiko;
  const here = '/root/sent';
  writeFileSync(here, Buffer.alloc(3_000_000, 'p'));
  const { paramiko } = clients('paramiko');
  const words = [`--answer=${code()}`, '--run', 'echo out; echo err >&2; exit 9'];
  const done = await run(paramiko('paramiko@web1', words));
  t.match(done, {
    status: 9,
    stdout: 'out\n',
    stderr: /"Second factor authentication", "prompts": \[\["\\n\\rEnter OTP\(Blank for U2F\): ", true\]\]/,
  });
  t.match(done.stderr, /err\n/);
  const files = await run(paramiko('paramiko@web1', ['--put', here, 'there', '--get', 'there', '/root/back']));
  t.equal(files.status, 0, files.stderr);
  t.ok(readFileSync('/root/back').equals(readFileSync(here)));
  t.ok(readFileSync(join(user.home, 'there')).equals(readFileSync(here)));
});

t.test('plink and pscp: key, code on a terminal, then with nobody to ask', async t => {
  const { plink, pscp } = clients('plink');
  const terminal = new Terminal([...plink('plink@web1', ['echo in'], [])]);
  await terminal.expect('Enter OTP(Blank for U2F): ');
  terminal.send(`${site.members.plink.code()}\r`);
  await terminal.expect('Press Return to begin session.');
  terminal.send('\r');
  await terminal.expect(/\bin\r?\n/);
  t.match(await terminal.ended(), { exitCode: 0 });
  t.match(await run(plink('plink@web1', ['exit 6'])), { status: 6 });
  writeFileSync('/root/by-pscp', 'by pscp');
  const there = await run(pscp('/root/by-pscp', 'plink@web1@127.0.0.1:by-pscp'));
  t.equal(there.status, 0, there.stderr);
  t.equal(readFileSync(join(site.members.plink.user.home, 'by-pscp'), 'utf8'), 'by pscp');
});

t.test('a slow reader with a window of gigabytes, as plink has, costs little', async t => {
  const before = residentMiB(site.proxy);
  const line = clients('plink').plink('plink@web1', ['head -c 300M /dev/zero']);
  const slow = run(['bash', '-c', `${line.map(word => `'${word}'`).join(' ')} | (sleep 2; wc -c)`]);
  let peak = 0;
  const watch = setInterval(() => (peak = Math.max(peak, residentMiB(site.proxy))), 50);
  t.match((await slow).stdout, String(300 * 1024 * 1024));
  clearInterval(watch);
  t.ok(peak - before < 100, `${before} MiB, then ${peak} MiB`);
});

t.test("Dropbear's client: key, code on a terminal, then with nobody to ask", async t => {
  const { dbclient } = clients('dbclient');
  const terminal = new Terminal([...dbclient('dbclient+web1', ['echo in'])]);
  await terminal.expect('Enter OTP(Blank for U2F): ');
  terminal.send(`${site.members.dbclient.code()}\r`);
  await terminal.expect(/\bin\r?\n/);
  await terminal.ended();
  const done = await run(dbclient('dbclient+web1', ['wc -c']), { input: 'x'.repeat(500_000) });
  t.match(done, { status: 0, stdout: '500000\n' }, done.stderr);
});

t.test('curl, by libssh2: a file there and back', { skip: skipCurl() }, async t => {
  const { curl } = clients('plink');
  writeFileSync('/root/by-curl', 'by curl');
  const there = await run(curl('plink@web1', 'by-curl', ['--upload-file', '/root/by-curl']));
  t.equal(there.status, 0, there.stderr);
  t.match(await run(curl('plink@web1', 'by-curl', [])), { status: 0, stdout: 'by curl' });
});
