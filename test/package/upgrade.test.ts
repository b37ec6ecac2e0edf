/** An upgrade from the previous build while people log in: nobody is sent away, nothing is forgotten. */
import { readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { configFile } from '../helpers/e2e/agent.ts';
import { run } from '../helpers/e2e/background.ts';
import { until } from '../helpers/e2e/until.ts';
import { bootedHost, checkout } from '../helpers/package/booted-host.ts';
import { apt, repository, useRepository } from '../helpers/package/repository.ts';
import { approveOnce, journal, mainPid, must, startPackagedSite } from '../helpers/package/site.ts';

t.setTimeout(600_000); // the first one makes the Debian and the packages
bootedHost(t);

await installPrevious();
await useRepository(`file:${repository}`);
const site = await startPackagedSite(['alice', 'bob', 'carol'], '[login]\nrecord = true\n');
const configBefore = readFileSync(configFile, 'utf8');
const code = site.members.alice.code();

/** A recorded session: it needs the daemon for as long as it lasts. */
const session = site.ssh('alice');
await session.expect('Code, or Enter for push: ');
session.send(`${code}\r`);
await session.expect('$ ');

const push = site.ssh('bob', ['exit 8']);
await push.expect('Code, or Enter for push: ');
push.send('\r');
await push.expect('Push sent.');

const agentBefore = await mainPid('trasa-agent.service');
const serverBefore = await mainPid('trasa-server.service');

t.test('the package is upgraded, and the old daemon and server go on', async t => {
  await apt('upgrade');
  t.notMatch(await must('dpkg-query', '-W', '-f', '${Version}\n', 'trasa-agent', 'libpam-trasa'), /previous/);
  t.equal(await mainPid('trasa-agent.service'), agentBefore);
  t.match(readlinkSync(`/proc/${agentBefore}/exe`), / \(deleted\)$/, 'of which the file is gone');
  t.equal(await mainPid('trasa-server.service'), serverBefore);
  await until('the daemon to see it', async () =>
    (await journal()).some(({ text }) => String(text).startsWith('a new version is there')),
  );
});

t.test('needrestart, which Ubuntu runs after upgrades, is told to leave both alone', async t => {
  const script = `our %nrconf; eval join '', <>; die $@ if $@;
    for my $unit (qw(trasa-agent.service trasa-server.service ssh.service)) {
      print "$unit ", (map { $nrconf{override_rc}{$_} } grep { $unit =~ $_ } keys %{$nrconf{override_rc}}), "\n";
    }`;
  const said = await must('perl', '-e', script, '/etc/needrestart/conf.d/trasa-agent.conf');
  t.equal(said, 'trasa-agent.service 0\ntrasa-server.service 0\nssh.service');
});

t.test('a push that waited through it lets in', async t => {
  const device = await approveOnce(site.members.bob.device);
  t.match(await push.ended(), { exitCode: 8 });
  await device.finished;
  await until('the new server', async () => (await mainPid('trasa-server.service')) !== serverBefore);
  await until('it to answer', async () => (await run(['trasa-agent', 'check'])).status === 0);
});

t.test('who comes meanwhile is served, and a session that is recorded goes on to its end', async t => {
  const carol = site.ssh('carol', ['exit 9']);
  await carol.expect('Code, or Enter for push: ');
  carol.send(`${site.members.carol.code()}\r`);
  t.match(await carol.ended(), { exitCode: 9 });
  t.equal(await mainPid('trasa-agent.service'), agentBefore);

  session.send('echo still "here"; exit 7\r');
  await session.expect('still here');
  t.match(await session.ended(), { exitCode: 7 });
  await until('the old daemon to leave', async () => (await mainPid('trasa-agent.service')) === '0');
  t.notMatch(JSON.stringify(await journal()), /shutting-down/, 'nobody was sent away');
});

t.test('the new daemon knows what the old one knew', async t => {
  t.equal(readFileSync(configFile, 'utf8'), configBefore);
  const again = site.ssh('alice', ['exit 7']);
  await again.expect('Code, or Enter for push: ');
  again.send(`${code}\r`);
  await again.expect('used already');
  again.hangUp();
  const pid = await mainPid('trasa-agent.service');
  t.notMatch(readlinkSync(`/proc/${pid}/exe`), /deleted/);
});

/** The packages of this build under a lower version, and as they were unpacked: other files, inode by inode. */
async function installPrevious(): Promise<void> {
  const debs = (await must('sh', '-c', `ls ${checkout}/dist/deb/*.deb`)).split('\n');
  for (const [index, deb] of debs.entries()) {
    const folder = `/root/previous-${index}`;
    await must('dpkg-deb', '-R', deb, folder);
    const control = readFileSync(`${folder}/DEBIAN/control`, 'utf8');
    writeFileSync(
      `${folder}/DEBIAN/control`,
      control.replace(/(?<=^Version: |trasa-agent \(= )[^\s)]+/gm, '0.0.1~previous'),
    );
    await must('dpkg-deb', '-Znone', '-b', folder, `${folder}.deb`);
  }
  await must('dpkg', '-i', ...debs.map((_, index) => `/root/previous-${index}.deb`));
  if (statSync('/usr/bin/trasa-agent').size === 0) throw new Error('an empty program');
}
