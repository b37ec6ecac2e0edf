/** A power cut at every step of setup, and of undoing it, leaves a host that can be logged in to. */
import { join } from 'node:path';
import t from 'tap';
import { caFile, startDevice } from '../helpers/e2e/agent.ts';
import { Background, type Finished, run } from '../helpers/e2e/background.ts';
import { module, needsDoor, processesWith } from '../helpers/e2e/pam.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import { files, startSetupHost } from '../helpers/e2e/setup-host.ts';
import { ssh } from '../helpers/e2e/ssh.ts';
import { until } from '../helpers/e2e/until.ts';

needsDoor(t, module);
privateHost(t);
t.setTimeout(180_000);
const host = await startSetupHost(['alice']);
t.teardown(async () => await host.stop());
const { sshd, server, credentials, members } = host;
const phone = startDevice(members.alice.device, ['--yes']);
await phone.printed(/Waiting for pushes/);
t.teardown(async () => await phone.stop());
const before = files();

const program = join(import.meta.dirname, '../helpers/e2e/killed-setup.ts');
const steps = ['journal', 'timer', 'boot', 'configuration', 'daemon', 'drop-in', 'pam', 'reload', 'done'] as const;

const any = ['--door', 'pam', '--first-factor', 'any'];

function setUpWith(revertAfterMs: number, ...words: string[]): Background {
  const wishes = {
    door: 'pam',
    firstFactor: 'key',
    server: [server.url],
    pin: [server.pin],
    caFile,
    serviceId: credentials.serviceID,
    serviceKey: credentials.serviceKey,
    domain: 'example.com',
    observe: false,
    revertAfterMs,
  };
  return new Background([process.execPath, program, ...words], { input: JSON.stringify(wishes) });
}

async function setUpUntil(step: string, revertAfterMs: number): Promise<Finished> {
  return await setUpWith(revertAfterMs, step).finished;
}

/** By a key; where the second factor is asked for already, by a push. */
async function canLogIn(): Promise<boolean> {
  return (await ssh(sshd, 'alice', ['true'])).status === 0;
}

async function untilUndone(): Promise<void> {
  await until('the timer to undo everything', () => JSON.stringify(files()) === JSON.stringify(before), 20_000);
}

for (const step of steps)
  t.test(`killed after ${step}`, async t => {
    const killed = await setUpUntil(step, 3_000);
    t.match(killed, { signal: 'SIGKILL', stderr: '' });
    t.ok(killed.stdout.endsWith(`${step}\n`), killed.stdout);
    // Once sshd was told, a key alone is not enough, and `ssh` without a terminal cannot be asked.
    if (step !== 'reload' && step !== 'done') t.ok(await canLogIn(), 'one can log in at once');
    // Before there was a timer there was nothing to undo but the journal.
    if (step === 'journal') t.equal((await run([agent, 'setup', '--revert'])).status, 0);
    await untilUndone();
    t.strictSame(files(), before, 'everything is as it was');
    t.ok(await canLogIn(), 'one can log in');
    t.match(await run([agent, 'setup', '--status']), { stdout: 'Nothing waits for a confirmation.\n' });
  });

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
    t.match(await run([process.execPath, program, `undo ${path}`]), { signal: 'SIGKILL' }, path);
    t.match(await run([agent, 'setup', '--status']), { stdout: /being undone, or that was interrupted/ });
    t.match(await run([agent, 'setup', '--revert']), { status: 0 });
    t.strictSame(files(), before, path);
  }
  t.ok(await canLogIn(), 'one can log in');
});
