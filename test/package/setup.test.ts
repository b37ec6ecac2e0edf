/** `trasa-agent setup` of the installed packages, under systemd: each door used, found sound, confirmed; or undone by a timer. */
import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';
import { run } from '../helpers/e2e/background.ts';
import { until } from '../helpers/e2e/until.ts';
import { authorize } from '../helpers/e2e/users.ts';
import { bootedHost } from '../helpers/package/booted-host.ts';
import { apt, repository, useRepository } from '../helpers/package/repository.ts';
import { forgetSetup } from '../helpers/package/setup.ts';
import { approveOnce, dropIn, journal, must, startPackagedSite } from '../helpers/package/site.ts';

t.setTimeout(600_000); // the first one makes the Debian and the packages
bootedHost(t);
await useRepository(`file:${repository}`);
await apt('install', 'trasa-agent');
const site = await startPackagedSite(['alice', 'bob', 'carol']);
const root = { name: 'root', uid: 0, gid: 0, home: '/root', shell: '/bin/bash' };
authorize(root, readFileSync('/root/key.pub', 'utf8'));
const setUp = await forgetSetup();
const ssh = async (user: string, ...words: string[]) =>
  await run(['ssh', '-F', '/root/ssh_config', `${user}@target`, ...words]);

const doors: readonly (readonly [string, keyof typeof site.members, readonly string[]])[] = [
  ['the module', 'alice', ['--door', 'pam', '--first-factor', 'key']],
  ['pam_exec', 'bob', ['--door', 'pam-exec', '--first-factor', 'any']],
  ['the forced command', 'carol', ['--door', 'force-command']],
];

for (const [title, name, flags] of doors)
  t.test(`${title}: set up, used, sound, confirmed, and taken out again`, async t => {
    const person = ['--user', name, '--person', `${name}=${name}@example.com`];
    t.match(await setUp([...flags, ...person]), { status: 0, stdout: /setup --confirm/, stderr: '' });
    t.match(await must('systemctl', 'list-timers', '--no-legend'), /trasa-agent-setup-revert-\w+\.timer/);

    const device = await approveOnce(site.members[name].device);
    t.match(
      await ssh(name, 'exit 7'),
      { status: 7 },
      'by push; where ssh is asked, it has nobody to ask, and answers nothing',
    );
    await device.finished;
    const isEntry = (line: Record<string, unknown>): boolean =>
      line['account'] === name && line['decision'] === 'allow';
    await until('the decision in the journal', async () => (await journal()).some(isEntry));
    if (flags.includes('key')) {
      const asked = site.ssh(name, ['exit 7']);
      await asked.expect('Code, or Enter for push: ');
      asked.send(`${site.members[name].code()}\r`);
      t.match(await asked.ended(), { exitCode: 7 });
    }
    const found = JSON.parse((await run(['trasa-agent', 'doctor', '--json'])).stdout) as unknown;
    t.match(found, { count: { hole: 0, breakage: 0 } }, JSON.stringify(found));

    t.match(await ssh('root', 'trasa-agent', 'setup', '--confirm'), { status: 0, stdout: /Confirmed: it stays/ });
    t.match(await run(['trasa-agent', 'setup', '--remove']), { status: 0, stderr: '' });
    t.notOk(existsSync(dropIn));
    t.match(await ssh(name, 'exit 8'), { status: 8 }, 'a login as before');
  });

t.test('what was decided is found in the journal', async t => {
  const told = await run(['trasa-agent', 'audit', '--user', 'alice', '--json']);
  const lines = told.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>);
  t.match(
    lines,
    [
      { account: 'alice', factor: 'push' },
      { account: 'alice', factor: 'totp' },
    ],
    told.stderr,
  );
  t.match(await run(['trasa-agent', 'status']), { stdout: /allow/ });
});

t.test('nobody confirms it: the timer takes all of it back', async t => {
  const before = readFileSync('/etc/pam.d/sshd', 'utf8');
  const flags = ['--door', 'pam', '--first-factor', 'key', '--user', 'alice', '--person', 'alice=alice@example.com'];
  t.match(await setUp([...flags, '--revert-after-seconds', '3']), { status: 0 });
  const status = async () => (await run(['trasa-agent', 'setup', '--status'])).stdout;
  await until('the timer', async () => (await status()).startsWith('Nothing waits'));
  t.notOk(existsSync(dropIn));
  t.equal(readFileSync('/etc/pam.d/sshd', 'utf8'), before);
  t.match(await ssh('alice', 'exit 8'), { status: 8 });
});
