/** sudo, su and programs that only know PAM, with the module and with the hook. */
import { existsSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { startDevice } from '../helpers/e2e/agent.ts';
import { run } from '../helpers/e2e/background.ts';
import { hook, module, needsDoor, writeStack } from '../helpers/e2e/pam.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import { startSite } from '../helpers/e2e/site.ts';
import { Terminal } from '../helpers/e2e/terminal.ts';
import { startWiretap } from '../helpers/e2e/wiretap.ts';

needsDoor(t, module);
privateHost(t);
const site = await startSite(['alice', 'bob']);
const wiretap = await startWiretap(site);
t.teardown(async () => {
  wiretap.stop();
  await site.stop();
});
const { alice, bob } = site.members;
writeFileSync('/etc/sudoers', 'Defaults timestamp_timeout=0\nalice ALL=(ALL) ALL\n', { mode: 0o440 });
const decision = async () => await site.daemon.audited(line => line['event'] === 'decision');

/** What alice does at a terminal of this host. */
function asAlice(...command: readonly string[]): Terminal {
  return new Terminal(['setpriv', '--reuid=alice', '--regid=alice', '--init-groups', ...command]);
}

t.test('sudo asks who calls it; the device shows the command', { skip: without('/usr/bin/sudo') }, async t => {
  writeStack('sudo', { auth: module.auth });
  const device = startDevice(alice.device, ['--yes', '--once']);
  await device.printed(/Waiting for pushes/);
  const terminal = asAlice('sudo', 'sh', '-c', 'echo uid $(id -u)');
  await terminal.expect(module.prompt);
  terminal.send('\r');
  await terminal.expect(/then press Enter, or type a code: /);
  terminal.send('\r');
  await terminal.expect(/uid 0/);
  t.match(await terminal.ended(), { exitCode: 0 });
  t.match((await device.finished).stdout, /sudo sh -c echo uid \$\(id -u\)/);
  t.match(await decision(), {
    decision: 'allow',
    service: 'sudo',
    account: 'alice',
    client: null,
    command: 'sudo sh -c echo uid $(id -u)',
    tty: /pts/,
  });
});

t.test('without the second factor sudo does nothing', { skip: without('/usr/bin/sudo') }, async t => {
  writeStack('sudo', { auth: module.auth });
  const terminal = asAlice('sudo', 'id', '-u');
  await terminal.expect(module.prompt);
  terminal.send(`${alice.wrongCode()}\r`);
  await terminal.expect(module.prompt);
  t.not((await terminal.interrupt()).exitCode, 0);
  t.notMatch(terminal.output, /^0\r$/m);
  t.match(await decision(), { decision: 'deny' });
});

t.test('sudo with the hook: what is typed is a code', { skip: without('/usr/bin/sudo') }, async t => {
  writeStack('sudo', { auth: hook.auth });
  const terminal = asAlice('sudo', 'id', '-u');
  await terminal.expect(/assword for alice: $/);
  terminal.send(`${alice.code()}\r`);
  await terminal.expect(/^0\r$/m);
  await terminal.ended();
  t.match(await decision(), { decision: 'allow', factor: 'totp', door: 'pam-exec', command: 'sudo id -u' });
});

t.test('su to root asks the caller, and to somebody else asks them', async t => {
  writeStack('su', { auth: module.auth });
  const toRoot = asAlice('su', 'root', '-c', 'id -u');
  await toRoot.expect(module.prompt);
  toRoot.send(`${alice.code()}\r`);
  await toRoot.expect(/^0\r$/m);
  await toRoot.ended();
  t.match(await decision(), { decision: 'allow', service: 'su', account: 'alice', command: /^as root: su root/ });

  const toBob = asAlice('su', 'bob', '-c', 'id -un');
  await toBob.expect(/Code/); // no push: bob has proved nothing
  toBob.send(`${bob.code()}\r`);
  await toBob.expect(/^bob\r$/m);
  await toBob.ended();
  t.match(await decision(), { decision: 'allow', account: 'bob' });
});

t.test('su with the hook asks the caller, too', async t => {
  writeStack('su', { auth: hook.auth });
  const terminal = asAlice('su', 'root', '-c', 'id -u');
  await terminal.expect(/assword: $/);
  terminal.send('\r');
  await terminal.expect(/Push sent\. Approve it on your device/); // or not, where it is approved in the same moment
  const device = startDevice(alice.device, ['--yes', '--once']);
  await terminal.expect(/^0\r$/m);
  await terminal.ended();
  await device.finished;
  t.match(await decision(), { account: 'alice', service: 'su', command: /^as root: su root/ });
});

t.test(
  'a login that was asked in the auth phase is not asked again in the account phase',
  { skip: without('/usr/bin/pamtester') },
  async t => {
    writeStack('tested', { auth: module.auth, account: module.account });
    const pushes = wiretap.count('push');
    const device = startDevice(alice.device, ['--yes']);
    await device.printed(/Waiting for pushes/);
    const terminal = new Terminal(['pamtester', '-I', 'ruser=alice', 'tested', 'alice', 'authenticate', 'acct_mgmt']);
    await terminal.expect(module.prompt);
    terminal.send('\r');
    await terminal.expect(/or type a code: /);
    terminal.send('\r');
    t.match(await terminal.ended(), { exitCode: 0 });
    t.equal(wiretap.count('push') - pushes, 1);
    const alone = await run(['pamtester', 'tested', 'alice', 'acct_mgmt']);
    t.match(alone, { status: 0 });
    t.equal(wiretap.count('push') - pushes, 2, 'the account phase alone sends its own');
    await device.stop();
  },
);

t.test('a hook that does not run as root lets nobody in', { skip: without('/usr/bin/pamtester') }, async t => {
  writeStack('tested', { auth: hook.auth });
  const terminal = asAlice('pamtester', 'tested', 'alice', 'authenticate');
  await terminal.expect(/assword: $/);
  terminal.send(`${alice.wrongCode()}\r`);
  await terminal.expect(/not running as root/);
  t.not((await terminal.ended()).exitCode, 0);
});

t.test('the hook refuses the phases that are not its business', { skip: without('/usr/bin/pamtester') }, async t => {
  writeStack('tested', {});
  const line = `pam_exec.so stdout ${agent} pam`;
  writeFileSync(
    '/etc/pam.d/tested',
    `auth required pam_permit.so\naccount required pam_permit.so\nsession required ${line}\npassword required ${line}\n`,
  );
  for (const operation of ['open_session', 'chauthtok']) {
    const { status, stdout, stderr } = await run(['pamtester', 'tested', 'alice', operation]);
    t.not(status, 0, operation);
    t.match(stdout + stderr, /only for lines of the types auth and account/);
  }
});

function without(program: string): string | false {
  return existsSync(program) ? false : `needs ${program}`;
}
