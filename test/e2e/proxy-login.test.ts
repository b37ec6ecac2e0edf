/** Logins at the proxy, by OpenSSH: each factor in its place, TRASA's own dialogue, and the host behind proved by a CA. */
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { startDevice } from '../helpers/e2e/agent.ts';
import { Background, run } from '../helpers/e2e/background.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import {
  answering,
  caDirectory,
  configFile,
  passphraseFile,
  passwordOf,
  startProxySite,
  terminalAt,
} from '../helpers/e2e/proxy.ts';
import { makeKey } from '../helpers/e2e/sshd.ts';

privateHost(t);

const hostCa = makeKey('/root', 'host-ca');
const hostKey = makeKey('/root', 'host-key');
execFileSync('ssh-keygen', ['-q', '-s', hostCa, '-h', '-I', 'web1', '-n', '127.0.0.1', `${hostKey}.pub`]);
const byCertificate = `hostCA = ${JSON.stringify(readFileSync(`${hostCa}.pub`, 'utf8').trim())}`;
const site = await startProxySite(['alice', 'bob', 'carol', 'dave'], {
  grace: 0,
  service: byCertificate,
  sshd: { extraConfig: `HostKey ${hostKey}\nHostCertificate ${hostKey}-cert.pub` },
});
t.teardown(async () => await site.stop());

t.test('a registered key, a code, and a command on the host behind; the code is good once', async t => {
  const code = site.members.alice.code();
  const ssh = ['ssh', ...site.proxy.flags(site.keys.alice)] as const;
  const done = await answering([...ssh, 'alice@web1@proxy', 'id -un; echo to stderr >&2; exit 7'], { OTP: code });
  t.match(done, { status: 7, stdout: 'alice\n', stderr: /to stderr/ });
  const decision = await site.proxy.said(line => line['event'] === 'decision');
  t.match(decision, {
    door: 'proxy',
    account: 'alice',
    target: 'web1',
    person: 'alice@example.com',
    client: '127.0.0.1',
    decision: 'allow',
    factor: 'totp',
  });
  const id = String(decision['attempt']);
  t.match(site.upstream.log(), new RegExp(`Accepted publickey for alice .*ID trasa:alice@example.com:web1:${id} `));

  const again = await answering([...ssh, 'alice+web1@proxy', 'id -un'], { OTP: code });
  t.match(again, { status: 255, stdout: '', stderr: /That code was used already/ });
  t.match(await site.proxy.said(line => line['event'] === 'decision'), { decision: 'deny', reason: 'replayed-code' });
});

t.test('wrong codes reach the server, and end the login', async t => {
  const ssh = ['ssh', ...site.proxy.flags(site.keys.bob)] as const;
  const done = await answering([...ssh, 'bob:web1@proxy', 'id'], { OTP: site.members.bob.wrongCode() });
  t.match(done, { status: 255, stdout: '', stderr: /Login Failed/ });
  const decision = await site.proxy.said(line => line['event'] === 'decision');
  t.match(decision, { decision: 'deny', reason: 'wrong-code', server: site.server.url });
});

t.test('an unknown key, and no password', async t => {
  const ssh = ['ssh', ...site.proxy.flags(makeKey('/root', 'stranger'))] as const;
  const done = await answering([...ssh, 'alice@web1@proxy', 'id'], { Email: 'alice@example.com', Password: 'wrong' });
  t.match(done, { status: 255, stdout: '' });
  t.notOk(site.proxy.lines('decision').some(line => line['person'] === null));
});

t.test("TRASA's dialogue from the first question to the shell, with a push", async t => {
  const terminal = terminalAt(site.proxy, 'bob');
  await terminal.expect('Enter TRASA credentials');
  await terminal.expect('Enter Email (TRASA): ');
  terminal.send('bob@example.com\r');
  await terminal.expect('Enter Password (TRASA): ');
  terminal.send('not it\r');
  await terminal.expect('Login Failed');
  await terminal.expect('Enter Email (TRASA): ');
  terminal.send('bob@example.com\r');
  await terminal.expect('Enter Password (TRASA): ');
  terminal.send(`${passwordOf('bob')}\r`);
  await terminal.expect('Choose Service');
  await terminal.expect(/_{85}/);
  await terminal.expect('Enter Service IP : ');
  terminal.send('nowhere\r');
  await terminal.expect('Invalid service name');
  await terminal.expect('Enter Service IP : ');
  terminal.send('web1\r');
  await terminal.expect('Service selected: web1');
  await terminal.expect('Second factor authentication');
  await terminal.expect('Enter OTP(Blank for U2F): ');
  const device = startDevice(site.members.bob.device, ['--yes', '--once']);
  await device.printed(/Waiting for pushes/);
  terminal.send('\r');
  await terminal.expect(/where it shows the number \d\d/);
  await terminal.expect('Checking host key');
  await terminal.expect(/\$ $/);
  terminal.send('exit 5\r');
  t.match(await terminal.ended(), { exitCode: 5 });
  await device.finished;
  t.notMatch(terminal.output, passwordOf('bob'), 'the password is not shown');
  t.match(await site.proxy.said(line => line['decision'] === 'allow'), { factor: 'push', key: null });
});

t.test("a person's certificate by our User CA, for their email address", async t => {
  const key = makeKey('/root', 'carol-own');
  const { uid, gid } = statSync(caDirectory);
  const certify = async (principal: string): Promise<void> => {
    const file = '/etc/trasa/carol.pub';
    writeFileSync(file, readFileSync(`${key}.pub`), { mode: 0o644 });
    const words = [
      'ca',
      'sign-user',
      file,
      '--passphrase-file',
      passphraseFile,
      '--principal',
      principal,
      '--for',
      '1h',
    ];
    const { status, stdout, stderr } = await run([agent, ...words], { uid, gid, cwd: '/' });
    t.equal(status, 0, stderr);
    writeFileSync(`${key}-cert.pub`, stdout);
  };
  const ssh = ['ssh', ...site.proxy.flags(key), '-o', 'NumberOfPasswordPrompts=1'] as const;
  await certify('carol@example.com');
  const done = await answering([...ssh, 'carol@web1@proxy', 'id -un'], { OTP: site.members.carol.code() });
  t.match(done, { status: 0, stdout: 'carol\n' }, done.stderr);
  t.match(await site.proxy.said(line => line['decision'] === 'allow'), { person: 'carol@example.com' });
  await certify('carol');
  const other = await answering([...ssh, 'carol@web1@proxy', 'id -un'], { OTP: '000000' });
  t.match(
    other,
    { status: 255, stdout: '', stderr: /Enter TRASA credentials/ },
    'one for an account says nothing of who it is',
  );
});

t.test('an account that the server does not give to this person', async t => {
  const ssh = ['ssh', ...site.proxy.flags(site.keys.carol)] as const;
  const done = await answering([...ssh, 'alice@web1@proxy', 'id'], { OTP: site.members.carol.code() });
  t.match(done, { status: 255, stdout: '', stderr: /No policy of the server lets you into this account/ });
});

t.test('an interrupted dialogue leaves nothing behind', async t => {
  const terminal = terminalAt(site.proxy, 'alice@web1', site.keys.alice);
  await terminal.expect('Enter OTP(Blank for U2F): ');
  await terminal.interrupt();
  t.ok(await site.proxy.said(line => /cancelled|disconnected/.test(String(line['reason']))));
});

t.test('SIGTERM: who is in is told, and nobody new comes in', async t => {
  await site.restart({ grace: 600, service: `${byCertificate}\nrecord = true` });
  const first = await answering(['ssh', ...site.proxy.flags(site.keys.bob), 'bob@web1@proxy', 'true'], {
    OTP: site.members.bob.code(),
  });
  t.equal(first.status, 0, first.stderr);
  const held = new Background(['ssh', ...site.proxy.flags(site.keys.bob), 'bob@web1@proxy', 'echo in; sleep 60']);
  await held.printed(/^in$/m);
  const stopped = site.proxy.process.stop();
  t.match(await held.finished, { status: 255, stdout: 'in\n', stderr: /The proxy is shutting down/ });
  t.match(await stopped, { status: 0, signal: null });
  t.match(site.proxy.lines().at(-1), { text: 'stopped' });
  const verify = ['proxy', 'recordings', 'verify', '--config', configFile] as const;
  t.match(
    await run([agent, ...verify]),
    { status: 0, stdout: /^.*: sealed: .*\n.*: sealed: .*\n$/ },
    'recordings are finished',
  );
});

t.test('a host whose key is another than the pinned one gets no certificate', async t => {
  const wrong = readFileSync(`${makeKey('/root', 'other-host')}.pub`, 'utf8').trim();
  await site.restart({ grace: 600, service: `hostKey = ${JSON.stringify(wrong)}` });
  const before = site.upstream.log().length;
  const done = await answering(['ssh', ...site.proxy.flags(site.keys.bob), 'bob@web1@proxy', 'id'], {
    OTP: site.members.bob.code(),
  });
  t.match(done, { status: 255, stdout: '' });
  t.match(await site.proxy.said(line => line['text'] === 'refused'), { why: /its key is not the pinned one/ });
  t.notMatch(site.upstream.log().slice(before), /publickey/);
});

t.test('a host that is away', async t => {
  await site.upstream.stop();
  const done = await answering(['ssh', ...site.proxy.flags(site.keys.bob), 'bob@web1@proxy', 'id'], {});
  t.equal(done.status, 255);
  t.match(await site.proxy.said(line => line['text'] === 'refused'), { why: /ECONNREFUSED/ });
});
