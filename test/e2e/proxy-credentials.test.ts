/** Into hosts that trust no certificate of the proxy: by a key or password of the service, or by the person's own. */
import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../helpers/e2e/background.ts';
import { setPasswords } from '../helpers/e2e/pam-samples.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { answering, caDirectory, startProxySite, terminalAt } from '../helpers/e2e/proxy.ts';
import { makeKey } from '../helpers/e2e/sshd.ts';
import { authorize } from '../helpers/e2e/users.ts';

privateHost(t);

const site = await startProxySite(['alice', 'bob', 'carol', 'dave', 'erin'], {
  sshd: {
    matches: `Match User bob,carol,dave,erin
  TrustedUserCAKeys none
Match User carol,dave
  PasswordAuthentication yes`,
  },
});
t.teardown(async () => await site.stop());
const passwords = { carol: "carol's at the host", dave: "dave's at the host" };
setPasswords(passwords);

const vault = '/etc/trasa/vault';
const passphrase = 'of the key of bob';
mkdirSync(vault);
const bobKey = makeKey(vault, 'bob.key');
execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', passphrase, '-a', '4', '-f', bobKey]);
execFileSync('ssh-keygen', ['-q', '-t', 'rsa', '-b', '2048', '-N', '', '-f', join(vault, 'erin.key')]);
for (const name of ['bob', 'erin'] as const)
  authorize(site.members[name].user, readFileSync(join(vault, `${name}.key.pub`), 'utf8'));
keep('bob.passphrase', `${passphrase}\n`);
keep('erin.passphrase', 'of none\n');
keep('carol.password', `${passwords.carol}\n`);
keep('bob.key');
keep('erin.key');
const service = `credentials = ["certificate", "key", "password", "ask"]
keyFile = "${vault}/%u.key"
passphraseFile = "${vault}/%u.passphrase"
passwordFile = "${vault}/%u.password"`;
await site.restart({ service });

for (const [name, by, how] of [
  ['alice', 'certificate', /Accepted publickey for alice .*ED25519-CERT .*ID trasa:alice@example.com:web1:/],
  ['bob', 'key', /Accepted publickey for bob .*: ED25519 SHA256:/],
  ['erin', 'key', /Accepted publickey for erin .*: RSA SHA256:/],
  ['carol', 'password', /Accepted password for carol /],
] as const)
  t.test(`${name}, by what the host takes`, async t => {
    const ssh = ['ssh', ...site.proxy.flags(site.keys[name]), `${name}@web1@proxy`, 'id -un'] as const;
    const done = await answering(ssh, { OTP: site.members[name].code() });
    t.match(done, { status: 0, stdout: `${name}\n` }, done.stderr);
    t.match(site.upstream.log(), how);
    const entered = await site.proxy.said(line => line['text'] === 'entered a host' && line['account'] === name);
    t.match(entered, { service: 'web1', by });
    t.match(await run(ssh), { status: 0, stdout: `${name}\n` }, 'and again, where there is nobody to ask');
  });

t.test("the original's question for the password there: wrong ones, then the right one", async t => {
  const terminal = terminalAt(site.proxy, 'dave@web1', site.keys.dave);
  await terminal.expect('Enter OTP(Blank for U2F): ');
  terminal.send(`${site.members.dave.code()}\r`);
  for (const typed of ['not it', 'nor this', passwords.dave]) {
    await terminal.expect('Upstream password');
    await terminal.expect('Enter Password(Upstream Server): ');
    terminal.send(`${typed}\r`);
    if (typed !== passwords.dave) await terminal.expect('Login Failed');
  }
  await terminal.expect(/\$ $/);
  terminal.send('exit 3\r');
  t.match(await terminal.ended(), { exitCode: 3 });
  t.notMatch(terminal.output, /dave's at the host|nor this/, 'nothing of it is shown');
});

t.test(
  'within the grace the key is enough for the proxy, and the host still asks; three wrong ones end it',
  async t => {
    const before = site.upstream.log().length;
    const done = await answering(['ssh', ...site.proxy.flags(site.keys.dave), 'dave@web1@proxy', 'id'], {
      'Upstream Server': 'wrong',
    });
    t.match(done, { status: 255, stdout: '', stderr: /The host does not let you in/ });
    const log = site.upstream.log().slice(before);
    t.equal(log.match(/Failed password for dave/g)?.length, 3);
    t.notMatch(log, /maximum authentication attempts/);
  },
);

t.test('where there is nobody to ask, nobody comes in', async t => {
  const batch = ['-o', 'BatchMode=yes'];
  const done = await run(['ssh', ...site.proxy.flags(site.keys.dave), ...batch, 'dave@web1@proxy', 'id']);
  t.match(done, { status: 255, stdout: '', stderr: /Permission denied \(keyboard-interactive\)/ });
});

t.test('no password is in what the proxy says, and none was sent to a host that asks for none', async t => {
  const said = `${site.proxy.process.stdout}${site.proxy.process.stderr}`;
  for (const secret of [...Object.values(passwords), passphrase, 'nor this']) t.notMatch(said, secret);
  t.notMatch(site.upstream.log(), /password for (?:alice|bob|erin)/);
});

t.test('credentials = ["certificate"]: nobody is asked', async t => {
  await site.restart({ service: 'credentials = ["certificate"]' });
  const done = await answering(['ssh', ...site.proxy.flags(site.keys.dave), 'dave@web1@proxy', 'id'], {
    'Upstream Server': passwords.dave,
    OTP: '000000',
  });
  t.match(done, { status: 255, stdout: '' });
  t.notMatch(done.stderr, /Upstream/);
  t.match(await site.proxy.said(line => line['text'] === 'refused'), {
    why: /it took none of what it was offered \(certificate\)/,
  });
});

/** A file of the proxy's user, and of nobody else. */
function keep(name: string, content?: string): void {
  const file = join(vault, name);
  if (content !== undefined) writeFileSync(file, content, { mode: 0o600 });
  const { uid, gid } = statSync(caDirectory);
  chownSync(file, uid, gid);
}
