/** One account for several persons, told apart by their keys; and a grace, which is bound to the key too. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { command, type Daemon, startDaemon, startDevice } from '../helpers/e2e/agent.ts';
import { keyThenPam, module, needsDoor, sshAsking, startPamSshd, writeStack } from '../helpers/e2e/pam.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { startSite } from '../helpers/e2e/site.ts';
import { fingerprint, makeKey, type Sshd } from '../helpers/e2e/sshd.ts';
import type { Terminal } from '../helpers/e2e/terminal.ts';
import { addUser, authorize } from '../helpers/e2e/users.ts';

needsDoor(t, module);
privateHost(t);
writeStack('sshd', { auth: module.auth });
const keyOf = { alice: makeKey('/root', 'alice'), bob: makeKey('/root', 'bob'), nobody: makeKey('/root', 'nobody') };
type Holder = keyof typeof keyOf;
const publicKeyOf = (holder: Holder): string => readFileSync(`${keyOf[holder]}.pub`, 'utf8');
const printOf = (holder: Holder): string => fingerprint(publicKeyOf(holder));

const site = await startSite(
  ['alice', 'bob', 'carol'],
  `[identity.keys]
"${printOf('alice')}" = "alice@example.com"
"${printOf('bob')}" = "bob@example.com"
`,
);
const { alice, bob, carol } = site.members;
const deploy = addUser({ name: 'deploy' });
for (const { email } of [alice, bob]) await command(['server', 'access', 'grant', email, 'web1', 'deploy']);
for (const holder of ['alice', 'bob', 'nobody'] as const)
  for (const user of [deploy, carol.user]) authorize(user, publicKeyOf(holder));
const sshd = await startPamSshd({ extraConfig: keyThenPam });
const keyless = await startPamSshd({
  extraConfig: 'AuthenticationMethods keyboard-interactive:pam\nKbdInteractiveAuthentication yes\n',
});
t.teardown(async () => {
  await Promise.all([sshd.stop(), keyless.stop()]);
  await site.stop();
});

/** Logs in with one key and no other. */
const login = (account: string, holder: Holder, flags: readonly string[] = [], at: Sshd = sshd): Terminal =>
  sshAsking(at, account, ['echo in; exit 7'], ['-i', keyOf[holder], '-o', 'NumberOfPasswordPrompts=1', ...flags]);
const decisionOf = async (daemon: Daemon) => await daemon.audited(line => line['event'] === 'decision');

t.test("each person's own code enters the shared account, and the log names them", async t => {
  for (const holder of ['alice', 'bob'] as const) {
    const { code, email } = site.members[holder];
    const terminal = login('deploy', holder);
    await terminal.expect(module.prompt);
    terminal.send(`${code()}\r`);
    await terminal.expect(/^in\r$/m);
    t.match(await terminal.ended(), { exitCode: 7 });
    const line = { decision: 'allow', factor: 'totp', account: 'deploy', person: email, key: printOf(holder) };
    t.hasStrict(await decisionOf(site.daemon), line);
  }
});

t.test("the other person's code does not enter, and is not used up by that", async t => {
  const code = bob.code();
  const wrong = login('deploy', 'alice');
  await wrong.expect(module.prompt);
  wrong.send(`${code}\r`);
  await wrong.expect(/Wrong code/);
  await wrong.expect(module.prompt);
  wrong.hangUp();
  await wrong.ended();
  t.notMatch(wrong.output, /^in\r$/m);
  t.match(await decisionOf(site.daemon), { decision: 'deny', account: 'deploy', person: alice.email });

  const right = login('deploy', 'bob');
  await right.expect(module.prompt);
  right.send(`${code}\r`);
  await right.expect(/^in\r$/m);
  await right.ended();
  t.match(await decisionOf(site.daemon), { decision: 'allow', person: bob.email });
});

t.test('Enter rings the phone of the person whose key it is', async t => {
  const phones = [startDevice(alice.device, ['--yes']), startDevice(bob.device, ['--yes'])] as const;
  for (const phone of phones) await phone.printed(/Waiting for pushes/);
  const terminal = login('deploy', 'bob');
  await terminal.expect(module.prompt);
  terminal.send('\r');
  await terminal.expect('or type a code: ');
  terminal.send('\r');
  await terminal.expect(/^in\r$/m);
  await terminal.ended();
  t.match(await decisionOf(site.daemon), { decision: 'allow', factor: 'push', person: bob.email });
  const [atAlice, atBob] = await Promise.all(phones.map(async phone => (await phone.stop()).stdout));
  t.notMatch(atAlice, /Is this you/);
  t.match(atBob, /Account +deploy$/m);
});

t.test('with a key that no rule names the person is asked who they are', async t => {
  const terminal = login('deploy', 'nobody');
  await terminal.expect('TRASA ID (email or username): ');
  terminal.hangUp();
  await terminal.ended();
  t.match(await decisionOf(site.daemon), { decision: 'deny', account: 'deploy', person: null, key: printOf('nobody') });
});

t.test('a grace', async t => {
  await site.daemon.stop();
  const daemon = await startDaemon(`${site.config}[identity]\ndomain = "example.com"\n[policy]\ngrace = 600\n`);
  t.teardown(async () => void (await daemon.stop()));

  /** Types `code` if there is a question, or leaves if there is no code. */
  const isAsked = async (terminal: Terminal, code?: string): Promise<boolean> => {
    const [met] = await terminal.expect(/Code(?:, or Enter for push)?: |^in\r$/m);
    const asked = met.startsWith('Code');
    if (asked && code !== undefined) {
      terminal.send(`${code}\r`);
      await terminal.expect(/^in\r$/m);
    } else if (asked) terminal.hangUp();
    await terminal.ended();
    return asked;
  };
  const allowed = { decision: 'allow', reason: 'totp', account: 'carol' };
  const left = { decision: 'deny' };

  t.test('lets the same key in again and asks nothing', async t => {
    t.equal(await isAsked(login('carol', 'alice'), carol.code()), true);
    t.match(await decisionOf(daemon), { ...allowed, key: printOf('alice') });
    t.equal(await isAsked(login('carol', 'alice')), false);
    const line = { decision: 'bypass', reason: 'grace', account: 'carol', key: printOf('alice'), factor: null };
    t.hasStrict(await decisionOf(daemon), line);
  });

  for (const [other, terminal] of [
    ['key', () => login('carol', 'bob')],
    ['address', () => login('carol', 'alice', ['-b', '127.0.0.2'])],
    ['account', () => login('deploy', 'alice')],
  ] as const)
    t.test(`does not hold for another ${other}`, async t => {
      t.equal(await isAsked(terminal()), true);
      t.match(await decisionOf(daemon), left);
    });

  t.test('is none where nothing was proved before the code', async t => {
    t.equal(await isAsked(login('carol', 'alice', [], keyless), carol.code()), true);
    t.match(await decisionOf(daemon), { ...allowed, key: null });
    t.equal(await isAsked(login('carol', 'alice', [], keyless)), true);
    t.match(await decisionOf(daemon), left);
  });
});
