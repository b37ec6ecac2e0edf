/** A host that runs our PAM module itself: its questions go to the person, unless it trusts the proxy's certificate. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { addService, command, configFor, type Daemon, startDaemon, startDevice } from '../helpers/e2e/agent.ts';
import { type Finished, run } from '../helpers/e2e/background.ts';
import { keyThenPam, module, needsDoor, writeStack } from '../helpers/e2e/pam.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { answering, startProxySite, terminalAt } from '../helpers/e2e/proxy.ts';
import { makeKey } from '../helpers/e2e/sshd.ts';
import { authorize } from '../helpers/e2e/users.ts';

needsDoor(t, module);
privateHost(t);

writeStack('sshd', { auth: module.auth, account: module.account });
const site = await startProxySite(['alice', 'bob', 'carol'], {
  sshd: {
    usePam: true,
    extraConfig: `${keyThenPam}AcceptEnv *\nPermitUserEnvironment yes\n`,
    matches: `Match User bob
  AuthenticationMethods publickey
Match User alice
  TrustedUserCAKeys /etc/trasa/all_cas.pub
  AuthorizedPrincipalsFile /etc/trasa/principals`,
  },
});
const { alice, bob, carol } = site.members;
// sshd trusts another CA, and another name, than the daemon: what opens sshd is not yet a word on the second factor.
const userCa = readFileSync('/etc/trasa/user_ca.pub', 'utf8');
const [ours, foreign] = [makeKey('/root', 'ours'), makeKey('/root', 'foreign')];
const lineOf = (key: string): string => readFileSync(`${key}.pub`, 'utf8');
writeFileSync('/etc/trasa/all_cas.pub', `${userCa}${lineOf(ours)}${lineOf(foreign)}`);
writeFileSync('/etc/trasa/trusted_cas.pub', `# of the proxy\n${userCa}\n${lineOf(ours)}`);
writeFileSync('/etc/trasa/principals', 'alice\nwebmaster\n');

const inner = await addService('inner');
for (const { email, user } of [alice, bob, carol])
  await command(['server', 'access', 'grant', email, 'inner', user.name]);
const people = ['alice', 'bob', 'carol'].map(name => `${name} = "${name}@example.com"`).join('\n');
let daemon = await hostWith('');
t.teardown(async () => {
  await daemon.stop();
  await site.stop();
});

t.test('a host that does not know the proxy asks for itself, and the person answers', async t => {
  const terminal = terminalAt(site.proxy, 'alice@web1', site.keys.alice, ['id', '-un']);
  await terminal.expect('Enter OTP(Blank for U2F): ');
  terminal.send(`${alice.code()}\r`);
  await terminal.expect('The host web1 asks, not this proxy');
  await terminal.expect(/web1: Code, or Enter for push: $/);
  terminal.send(`${alice.code()}\r`);
  await terminal.expect(/alice\r\n/);
  t.match(await terminal.ended(), { exitCode: 0 });
  t.match(await decision(), { decision: 'allow', factor: 'totp', account: 'alice', door: 'pam' });
});

t.test('a host that trusts it does not ask again, and knows who it is', async t => {
  await restart('trustProxyCA = "/etc/trasa/trusted_cas.pub"');
  const ssh = ['ssh', ...site.proxy.flags(site.keys.carol)] as const;
  const done = await answering([...ssh, 'carol@web1@proxy', 'id -un'], { OTP: carol.code() });
  t.match(done, { status: 0, stdout: 'carol\n' }, done.stderr);
  t.match(await decision(), {
    decision: 'bypass',
    reason: 'proxied',
    person: 'carol@example.com',
    account: 'carol',
    client: '127.0.0.1',
    detail: /^totp, certificate \d+$/,
  });
  const again = await run([...ssh, '-o', 'BatchMode=yes', 'carol@web1@proxy', 'id -un']);
  t.match(again, { status: 0, stdout: 'carol\n' }, again.stderr);
  t.match(await decision(), { reason: 'proxied', detail: /^grace/ }, 'nor where there is nobody to ask');
});

t.test('in the account phase alone sshd does not say by which key: the host asks as ever', async t => {
  const device = startDevice(bob.device, ['--yes', '--once']);
  await device.printed(/Waiting for pushes/);
  const ssh = ['ssh', ...site.proxy.flags(site.keys.bob), 'bob@web1@proxy', 'id -un'] as const;
  const done = await answering(ssh, { OTP: bob.code() });
  t.match(done, { status: 0, stdout: 'bob\n' }, done.stderr);
  t.match(await decision(), { decision: 'allow', factor: 'push', account: 'bob' });
  await device.finished;
});

t.test('past the proxy, by certificates that sshd takes', async t => {
  const done = await loginBy(certified({}));
  t.match(done, { status: 0, stdout: 'alice\n' }, done.stderr);
  t.match(await decision(), { reason: 'proxied', detail: /^push/ });
  for (const [what, fields] of [
    ['a CA that the daemon does not trust', { ca: foreign }],
    ['a certificate that says nothing of a second factor', { factor: '' }],
    ['a factor that is none', { factor: 'none' }],
    ['another principal than the account', { principals: 'webmaster' }],
    ['a key id that names no person', { keyId: 'alice' }],
    ['a critical option that is for others to see to', { more: ['-O', 'force-command=id -un'] }],
  ] as const)
    await isAsked(t, certified(fields), what);
});

t.test('a plain key, and the words of a good certificate in every environment that the user has', async t => {
  const key = makeKey(mkdtempSync('/root/plain-'), 'key');
  authorize(alice.user, lineOf(key));
  const words = `SSH_AUTH_INFO_0=publickey ${readFileSync(`${certified({})}-cert.pub`, 'utf8').trim()}`;
  for (const file of ['.ssh/environment', '.pam_environment']) writeFileSync(join(alice.user.home, file), `${words}\n`);
  await isAsked(t, key, 'sshd tells PAM what was proved', ['-o', `SetEnv="${words}"`]);
});

t.test('what is revoked counts no more, at once; nothing does while that cannot be known', async t => {
  const krl = '/etc/trasa/revoked.krl';
  const revoke = (...words: string[]): string =>
    execFileSync('ssh-keygen', ['-q', '-k', '-f', krl, ...words], { encoding: 'utf8' });
  revoke();
  await restart(`trustProxyCA = "/etc/trasa/trusted_cas.pub"\nrevokedKeys = "${krl}"`);
  const key = certified({ more: ['-z', '4711'] });
  t.match(await loginBy(key), { status: 0 });
  t.match(await decision(), { reason: 'proxied' });
  const serials = join(mkdtempSync('/root/serials-'), 'list');
  writeFileSync(serials, 'serial: 4711\n');
  revoke('-s', `${ours}.pub`, serials);
  await isAsked(t, key, 'its serial is revoked');
  t.match(await loginBy(certified({ more: ['-z', '4712'] })), { status: 0 }, 'others are not');
  t.match(await decision(), { reason: 'proxied' });
  writeFileSync(krl, 'damaged');
  await isAsked(t, key, 'the list is damaged');
  t.match(daemon.process.stdout, /certificates of the access proxy do not count.*is not a KRL/);
});

/** The daemon of the host. */
async function hostWith(policy: string): Promise<Daemon> {
  return await startDaemon(
    `${configFor(site.server, inner)}[policy]\nattempts = 1\n${policy}\n[identity.people]\n${people}\n`,
  );
}

async function restart(policy: string): Promise<void> {
  await daemon.stop();
  daemon = await hostWith(policy);
}

async function decision(): Promise<Record<string, unknown>> {
  return await daemon.audited(line => line['event'] === 'decision');
}

/** sshd has taken the key, and the module asks. */
async function isAsked(t: Test, key: string, what: string, flags: readonly string[] = []): Promise<void> {
  const done = await loginBy(key, flags);
  t.match(done, { status: 255, stdout: '', stderr: /That is not a code/ }, what);
  t.match(await decision(), { decision: 'deny', reason: 'not-a-code' }, what);
}

interface Certificate {
  readonly ca?: string;
  readonly factor?: string;
  readonly principals?: string;
  readonly keyId?: string;
  readonly more?: readonly string[];
}

/** A key of alice with a certificate as the proxy makes them, but for what is given. */
function certified({
  ca = ours,
  factor = 'push',
  principals = 'alice',
  keyId = 'trasa:alice@example.com:web1:ATTEMPT',
  more = [],
}: Certificate): string {
  const key = makeKey(mkdtempSync('/root/certified-'), 'key');
  const says = factor === '' ? [] : ['-O', `extension:second-factor@trasa=${factor}`];
  execFileSync('ssh-keygen', ['-q', '-s', ca, '-I', keyId, '-n', principals, ...says, ...more, `${key}.pub`]);
  return key;
}

/** Past the proxy, by somebody who has no answer. */
async function loginBy(key: string, flags: readonly string[] = []): Promise<Finished> {
  const options = ['-o', 'NumberOfPasswordPrompts=1', '-o', 'LogLevel=INFO', '-o', `IdentityFile=${key}`, ...flags];
  return await answering(['ssh', ...options, '-F', site.upstream.configFile, 'alice@target', 'id -un'], {
    Code: 'none',
  });
}
