/** A power cut at every step of setup leaves a host that can be logged in to, and that is soon as it was. */
import { rmSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { run } from '../helpers/e2e/background.ts';
import { module, needsDoor, sshAsking } from '../helpers/e2e/pam.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import { files, startCutShort, startSetupHost } from '../helpers/e2e/setup-host.ts';
import type { Member } from '../helpers/e2e/site.ts';

needsDoor(t, module);
privateHost(t);
const host = await startSetupHost(['alice', 'reload', 'done']);
const { setUpUntil, canLogIn, untilUndone, before, stop } = await startCutShort(host);
t.teardown(async () => await stop());
const { sshd, members } = host;

/** Between two runs of `sleep`, which the timer waits by, a power cut and a login have all the time that they take. */
const timeIsUp = '/run/time-is-up';
writeFileSync('/usr/local/sbin/sleep', `#!/bin/sh\nuntil [ -e ${timeIsUp} ]; do /bin/sleep 0.1; done\n`, {
  mode: 0o755,
});

const steps = ['journal', 'timer', 'boot', 'configuration', 'daemon', 'drop-in', 'pam', 'reload', 'done'] as const;

/** Once sshd was told, a key alone is not enough. */
async function canLogInByCode({ user, code }: Member): Promise<boolean> {
  const terminal = sshAsking(sshd, user.name, ['echo has entered']);
  await terminal.expect(module.prompt);
  terminal.send(`${code()}\r`);
  await terminal.expect('has entered');
  return (await terminal.ended()).exitCode === 0;
}

for (const step of steps)
  t.test(`killed after ${step}`, async t => {
    rmSync(timeIsUp, { force: true });
    const killed = await setUpUntil(step, 600_000);
    t.match(killed, { signal: 'SIGKILL', stderr: '' });
    t.ok(killed.stdout.endsWith(`${step}\n`), killed.stdout);
    const isTold = step === 'reload' || step === 'done';
    t.ok(isTold ? await canLogInByCode(members[step]) : await canLogIn(), 'one can log in at once');
    // Before there was a timer there was nothing to undo but the journal.
    if (step === 'journal') t.equal((await run([agent, 'setup', '--revert'])).status, 0);
    writeFileSync(timeIsUp, '');
    await untilUndone();
    t.strictSame(files(), before, 'everything is as it was');
    t.ok(await canLogIn(), 'one can log in');
    t.match(await run([agent, 'setup', '--status']), { stdout: 'Nothing waits for a confirmation.\n' });
  });
