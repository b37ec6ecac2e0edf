/** What pam/samples/README.md warns of happens, and what it says instead does not. Lines of others, never of ours. */
import { readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { startDevice } from '../helpers/e2e/agent.ts';
import { run } from '../helpers/e2e/background.ts';
import { hook, keyThenPam, sshAsking, startPamSshd, writeStack } from '../helpers/e2e/pam.ts';
import {
  asksCode,
  asksPassword,
  asksWhilePushing,
  atTerminal,
  installLines,
  installRhel9,
  readSample,
  readShipped,
} from '../helpers/e2e/pam-samples.ts';
import { password, startSamplesSite } from '../helpers/e2e/pam-samples-site.ts';
import type { Terminal } from '../helpers/e2e/terminal.ts';
import { authorize } from '../helpers/e2e/users.ts';

const { site, wiretap } = await startSamplesSite(t, ['alice', 'bob']);
installRhel9();
const { alice, bob } = site.members;
writeFileSync('/etc/sudoers', 'Defaults passwd_tries=1, timestamp_timeout=0\nalice ALL=(ALL) ALL\n', { mode: 0o440 });

/** alice calls sudo and says her password. */
async function sudo(): Promise<Terminal> {
  const terminal = atTerminal('alice', 'sudo', 'id', '-u');
  await terminal.expect(asksPassword);
  terminal.send(`${password}\r`);
  return terminal;
}

async function isIn(terminal: Terminal): Promise<boolean> {
  await terminal.ended();
  return /^0\r$/m.test(terminal.output);
}

t.test('behind an include of a file that ends the stack, our line is never reached', async t => {
  const lines = (how: string): string =>
    `auth ${how} system-auth\nauth required pam_trasa.so\naccount include system-auth\n`;
  const shipped = readShipped('rhel-9', 'sudo');
  installLines('sudo', lines('include'), shipped);
  const unasked = await sudo();
  t.ok(await isIn(unasked));
  t.notMatch(unasked.output, /[Cc]ode/);

  installLines('sudo', lines('substack'), shipped);
  const terminal = await sudo();
  await terminal.expect(asksCode);
  terminal.hangUp();
  t.notOk(await isIn(terminal));
});

/** Our line, with what may stand around it. */
const around = (control: string): string[] => [
  'required pam_unix.so',
  `${control} pam_trasa.so`,
  'optional pam_warn.so', // what success=1 jumps over
];

t.test('[success=1 default=ignore] lets in whom required refuses', async t => {
  const withoutCode = async (): Promise<boolean> => {
    const terminal = await sudo();
    for (let i = 0; i < 3; i++) {
      await terminal.expect(asksCode);
      terminal.send(`${alice.wrongCode()}\r`);
    }
    return await isIn(terminal);
  };
  writeStack('sudo', { auth: around('[success=1 default=ignore]') });
  t.ok(await withoutCode());
  writeStack('sudo', { auth: around('required') });
  t.notOk(await withoutCode());
});

t.test('first=password behind a substack lets a wrong password ring the phone', async t => {
  const device = startDevice(bob.device, ['--yes', '--once']);
  await device.printed(/Waiting for pushes/);
  const mistaken = readSample('rhel-9', 'su').replace(/^(auth .*pam_trasa\.so)$/m, '$1 first=password');
  installLines('su', mistaken, readShipped('rhel-9', 'su'));
  const terminal = atTerminal('alice', 'su', 'bob', '-c', 'id -un');
  await terminal.expect(asksPassword);
  terminal.send('wrong horse\r');
  await terminal.expect(asksCode);
  terminal.send('\r');
  await terminal.expect(asksWhilePushing);
  await device.finished;
  t.equal(wiretap.count('push'), 1);
  terminal.send('\r');
  await terminal.ended();
  t.notMatch(terminal.output, /^bob\r$/m, 'though nobody gets in');
});

t.test('the account line in a file that all services include makes cron wait for a push', async t => {
  const common = '/etc/pam.d/common-account';
  const shipped = readFileSync(common, 'utf8');
  const device = startDevice(bob.device, ['--yes', '--once']);
  await device.printed(/Waiting for pushes/);
  const before = wiretap.count('push');
  writeFileSync(common, `account required pam_trasa.so\n${shipped}`);
  t.match(await run(['pamtester', 'cron', 'bob', 'acct_mgmt']), { status: 0 });
  t.equal(wiretap.count('push') - before, 1);
  await device.finished;
  writeFileSync(common, shipped);
});

t.test('pam_exec as the only auth module gets nobody in', async t => {
  const sshd = await startPamSshd({ extraConfig: keyThenPam });
  authorize(bob.user, sshd.publicKey);
  const login = async (auth: string): Promise<string> => {
    installLines('sshd', `auth ${auth}\naccount required pam_permit.so\n`, readShipped('debian', 'sshd'));
    const terminal = sshAsking(sshd, 'bob', ['id -un']);
    await terminal.expect(/(?:assword|push): $/);
    terminal.send(`${bob.code()}\r`);
    await terminal.ended();
    return terminal.output;
  };
  t.notMatch(await login(hook.auth.join()), /^bob\r$/m);
  await sshd.process.printed(/pam_setcred\(\): Permission denied/);
  t.match(await login('required pam_trasa.so'), /^bob\r$/m);
  await sshd.stop();
});

t.test('authinfo_unavail=ignore lets in whoever makes the daemon stop', async t => {
  await site.daemon.stop();
  writeStack('sudo', { auth: around('[success=ok authinfo_unavail=ignore default=bad]') });
  t.ok(await isIn(await sudo()));
  writeStack('sudo', { auth: around('required') });
  t.notOk(await isIn(await sudo()));
});
