/** What `trasa-agent setup` wrote goes with the package: sshd's part, the lines of PAM, and the timer that would undo them. */
import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';
import { bootedHost } from '../helpers/package/booted-host.ts';
import { apt, repository, useRepository } from '../helpers/package/repository.ts';
import { forgetSetup } from '../helpers/package/setup.ts';
import { dropIn, must, startPackagedSite } from '../helpers/package/site.ts';
import { differences, traces } from '../helpers/package/traces.ts';

t.setTimeout(600_000); // the first one makes the Debian and the packages
bootedHost(t);

await must('systemctl', 'daemon-reload');
await must('pam-auth-update', '--package'); // makes its own state as it is on a host that has had packages before
await useRepository(`file:${repository}`);
const before = traces();
const stackBefore = readFileSync('/etc/pam.d/sshd', 'utf8');

t.test('set up, not even confirmed, and removed', async t => {
  await apt('install', 'trasa-agent');
  const site = await startPackagedSite(['alice']);
  const setUp = await forgetSetup();
  const flags = ['--door', 'pam', '--first-factor', 'key', '--user', 'alice', '--person', 'alice=alice@example.com'];
  t.match(await setUp(flags), { status: 0 });
  t.ok(existsSync(dropIn));
  t.match(readFileSync('/etc/pam.d/sshd', 'utf8'), /pam_trasa\.so/);
  const asked = site.ssh('alice', ['exit 7']);
  await asked.expect('Code, or Enter for push: ');
  asked.send(`${site.members.alice.code()}\r`);
  t.match(await asked.ended(), { exitCode: 7 });

  await apt('remove', 'trasa-agent');
  t.notOk(existsSync(dropIn));
  t.equal(readFileSync('/etc/pam.d/sshd', 'utf8'), stackBefore);
  const plain = site.ssh('alice', ['exit 8']);
  t.match(await plain.ended(), { exitCode: 8 });
  t.notMatch(plain.output, /Code/);

  await apt('purge', 'trasa-agent', 'libpam-trasa');
  await must('sed', '-i', '/^alice:/d', '/etc/passwd', '/etc/shadow', '/etc/group');
  await must('systemctl', 'daemon-reload');
  t.same(differences(before, traces()), []);
});
