/** What undoes a setup that came to no end: the timer, the next boot, the next setup; and the power cut while it does. */
import t from 'tap';
import { run } from '../helpers/e2e/background.ts';
import { module, needsDoor, processesWith } from '../helpers/e2e/pam.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import { cutShort, files, startCutShort, startSetupHost } from '../helpers/e2e/setup-host.ts';
import { until } from '../helpers/e2e/until.ts';

needsDoor(t, module);
privateHost(t);
const host = await startSetupHost(['alice']);
const { setUpWith, setUpUntil, canLogIn, untilUndone, before, stop } = await startCutShort(host);
t.teardown(async () => await stop());
const any = ['--door', 'pam', '--first-factor', 'any'];

t.test('a setup that takes longer than the time to confirm it is undone when it is done, and not before', async t => {
  const slow = setUpWith(1_000, 'drop-in', 'SIGSTOP');
  await slow.printed(/^drop-in$/m);
  await until('the timer to come', () =>
    processesWith(`${agent} setup --revert --journal`).some(line => !line.includes('sleep')),
  );
  t.match(await run([agent, 'setup', '--revert']), { status: 1, stderr: /a setup is at work/ });
  t.not(JSON.stringify(files()), JSON.stringify(before));
  slow.child.kill('SIGCONT');
  t.match(await slow.finished, { status: 0, stderr: '' });
  await untilUndone();
  t.ok(await canLogIn(), 'one can log in');
});

t.test('the next setup undoes what an interrupted one has left, at once', async t => {
  t.match(await setUpUntil('pam', 60_000), { signal: 'SIGKILL' });
  t.not(JSON.stringify(files()), JSON.stringify(before));
  const left = files();
  const undoneFirst = /An earlier setup was not confirmed, and is undone first/;
  t.match(await host.setup([...any, '--dry-run']), { status: 0, stdout: undoneFirst });
  t.strictSame(files(), left, 'a dry run does not touch it');
  t.match(await host.setup(any), { status: 0, stdout: undoneFirst });
  t.match(await run([agent, 'setup', '--revert']), { status: 0 });
  t.strictSame(files(), before);
});

t.test('the host is started anew before anybody has confirmed', async t => {
  t.match(await setUpUntil('pam', 60_000), { signal: 'SIGKILL' });
  const [, atBoot = ''] = /^@reboot root (.*)$/m.exec(files()['/etc/cron.d/trasa-agent-setup-revert'] ?? '') ?? [];
  t.match(await run(['/bin/sh', '-c', atBoot]), { status: 0, stderr: '' });
  t.strictSame(files(), before);
  t.ok(await canLogIn(), 'one can log in');
});

t.test('killed while it is being undone, it is undone the next time', async t => {
  t.match(await setUpUntil('nowhere', 60_000), { status: 0, stderr: '' });
  const changed = Object.entries(files()).flatMap(([path, text]) => (before[path] === text ? [] : [path]));
  const undone = changed.filter(path => !path.startsWith('/var/'));
  t.ok(undone.length >= 4, undone.join(' '));
  await run([agent, 'setup', '--revert']);
  for (const path of undone) {
    await setUpUntil('nowhere', 60_000);
    t.match(await run([process.execPath, cutShort, `undo ${path}`]), { signal: 'SIGKILL' }, path);
    t.match(await run([agent, 'setup', '--status']), { stdout: /being undone, or that was interrupted/ });
    t.match(await run([agent, 'setup', '--revert']), { status: 0 });
    t.strictSame(files(), before, path);
  }
  t.ok(await canLogIn(), 'one can log in');
});
