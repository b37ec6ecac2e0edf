/** Removal, and purge: first out of the way of every login, then off the disk, to the last trace. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { configFile } from '../helpers/e2e/agent.ts';
import { run } from '../helpers/e2e/background.ts';
import { bootedHost } from '../helpers/package/booted-host.ts';
import { apt, aptTries, repository, useRepository } from '../helpers/package/repository.ts';
import { dropIn, must, startPackagedSite } from '../helpers/package/site.ts';
import { differences, traces } from '../helpers/package/traces.ts';

t.setTimeout(600_000); // the first one makes the Debian and the packages
bootedHost(t);

await must('systemctl', 'daemon-reload');
await must('pam-auth-update', '--package'); // makes its own state as it is on a host that has had packages before
await useRepository(`file:${repository}`);
const before = traces();

t.test('installed and purged, unused: nothing is left', async t => {
  await apt('install', 'trasa-agent');
  t.ok(existsSync('/var/lib/trasa-agent'));
  await apt('purge', 'trasa-agent', 'libpam-trasa');
  t.same(differences(before, traces()), []);
});

t.test('a line that somebody wrote keeps the module from being removed: PAM would let nobody in', async t => {
  await apt('install', 'trasa-agent');
  const stack = readFileSync('/etc/pam.d/sshd', 'utf8');
  writeFileSync('/etc/pam.d/sshd', `account required pam_trasa.so\n${stack}`);
  t.match(await aptTries('remove', 'trasa-agent'), {
    status: 100,
    stdout: /take the lines .* out first: \/etc\/pam\.d\/sshd/,
  });
  t.match(await run(['sh', '-c', 'ls /usr/lib/*/security/pam_trasa.so']), { status: 0 });
  t.match(await run(['trasa-agent', '--version']), { status: 0 }, 'the agent is there too');

  writeFileSync('/etc/pam.d/sshd', stack.replace(/^/, `#account required pam_trasa.so\n`));
  await apt('remove', 'libpam-trasa');
  t.match(await run(['sh', '-c', 'ls /usr/lib/*/security/pam_trasa.so']), { status: 2 }, 'a comment keeps nothing');
  writeFileSync('/etc/pam.d/sshd', stack);
});

t.test('so does a ForceCommand of somebody else, and a line of pam_exec', async t => {
  const elsewhere = '/etc/ssh/sshd_config.d/50-mine.conf';
  writeFileSync(elsewhere, 'Match User bob\n  ForceCommand exec /usr/lib/trasa-agent/trasa-agent login\n');
  t.match(await aptTries('remove', 'trasa-agent'), { status: 100, stdout: /take the ForceCommand out first.*50-mine/ });
  rmSync(elsewhere);
  writeFileSync('/etc/pam.d/mine', 'auth required pam_exec.so /usr/lib/trasa-agent/trasa-agent pam\n');
  t.match(await aptTries('remove', 'trasa-agent'), { status: 100, stdout: /take the pam_exec lines out first.*mine/ });
  rmSync('/etc/pam.d/mine');
  t.match(await run(['trasa-agent', '--version']), { status: 0 });
});

t.test('in use: sshd and PAM forget it first, and people log in as before', async t => {
  await apt('install', 'trasa-agent');
  await must('pam-auth-update', '--enable', 'trasa');
  const site = await startPackagedSite(['alice']);
  const withCode = site.ssh('alice', ['exit 7']);
  await withCode.expect('Code, or Enter for push: ');
  withCode.send(`${site.members.alice.code()}\r`);
  t.match(await withCode.ended(), { exitCode: 7 });

  writeFileSync('/etc/ssh/sshd_config.d/99-broken.conf', 'NoSuchOption yes\n');
  t.match(await aptTries('remove', 'trasa-agent'), { status: 100, stdout: /sshd does not take its configuration/ });
  t.ok(existsSync(dropIn), 'while sshd cannot be told, its lines stay');
  t.match(await run(['trasa-agent', '--version']), { status: 0 }, 'and so does what they run');
  rmSync('/etc/ssh/sshd_config.d/99-broken.conf');

  await apt('remove', 'trasa-agent');
  t.notOk(existsSync(dropIn));
  t.notMatch(readFileSync('/etc/pam.d/common-auth', 'utf8'), /trasa/);
  const plain = site.ssh('alice', ['echo plain; exit 8']);
  await plain.expect('plain');
  t.match(await plain.ended(), { exitCode: 8 });
  t.notMatch(plain.output, /Code/);
  t.ok(existsSync(configFile), 'the configuration stays');
  t.ok(existsSync('/var/lib/trasa-agent'), 'and so does what the daemon remembers');
  t.match(await run(['systemctl', 'list-units', '--no-legend', 'trasa*']), { stdout: '' }, 'nothing of it runs');

  await apt('purge', 'trasa-agent', 'libpam-trasa');
  await must('sed', '-i', '/^alice:/d', '/etc/passwd', '/etc/shadow', '/etc/group');
  t.same(differences(before, traces()), []);
});

t.test('files of the user elsewhere keep the user: a later one with the same id could read them', async t => {
  await apt('install', 'trasa-agent');
  writeFileSync(configFile, '[login]\nrecordDirectory = "/srv/recordings"\n');
  await apt('purge', 'trasa-agent', 'libpam-trasa');
  t.same(
    differences(before, traces()).filter(line => !line.includes('gshadow')),
    ['! /etc/group', '! /etc/passwd', '! /etc/shadow'],
  );
  t.match(readFileSync('/etc/passwd', 'utf8'), /^trasa-agent:/m);
});
