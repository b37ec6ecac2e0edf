/** install.sh on a fresh Debian: by apt, and as plain files, as where there is no apt. Both come off without a trace. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../helpers/e2e/background.ts';
import { bootedHost, checkout } from '../helpers/package/booted-host.ts';
import { dropIn, must } from '../helpers/package/site.ts';
import { differences, traces } from '../helpers/package/traces.ts';

t.setTimeout(600_000); // the first one makes the Debian and the packages
bootedHost(t);

const script = join(checkout, 'install.sh');
const install = async (...words: readonly string[]) => await run(['sh', script, ...words]);
const agent = '/usr/local/lib/trasa-agent/trasa-agent';

rmSync('/etc/apt/sources.list');
await must('systemctl', 'daemon-reload');
await must('pam-auth-update', '--package'); // makes its own state as it is on a host that has had packages before
const before = traces();

t.test('says how, and what is wrong with a command line', async t => {
  t.match(await install('--help'), { status: 0, stdout: /--dry-run/, stderr: '' });
  t.match(await install('--drink'), { status: 1, stderr: 'install: unknown: --drink (see --help)\n' });
  for (const prefix of ['relative', '/home/alice', '/opt/../etc', '/a b', '/opt/'])
    t.match(await install('--files', '--prefix', prefix), { status: 1, stderr: /^install: --prefix/ }, prefix);
  t.match(await install('--uninstall', '--files'), { status: 1, stderr: /nothing is installed/ });
  const asNobody = await run(['setpriv', '--reuid=65534', '--clear-groups', 'sh', '-s'], {
    input: readFileSync(script, 'utf8'),
  });
  t.match(asNobody, { status: 1, stderr: /must be run as root/ });
  t.same(differences(before, traces()), []);
});

t.test('--dry-run names every file that is then touched, and touches none', async t => {
  const { status, stdout } = await install('--dry-run', '--files');
  t.equal(status, 0);
  t.same(differences(before, traces()), []);
  const named = [...stdout.matchAll(/(?:writes|makes) (\/\S+)/g)].map(([, path]) => path ?? '');

  t.match(await install('--files'), { status: 0 });
  const touched = differences(before, traces()).map(line => line.slice(2));
  const accounts = ['/etc/group', '/etc/gshadow', '/etc/passwd', '/etc/shadow'];
  const ownRecord = ['/usr/local/lib/trasa-agent/manifest'];
  t.same(touched.filter(path => ![...accounts, ...ownRecord].includes(path)).toSorted(), named.toSorted());
});

t.test('the plain files work', async t => {
  t.match(await run(['/usr/local/bin/trasa-agent', '--version']), { status: 0 });
  t.equal(await must('systemctl', 'is-active', 'trasa-agent.socket'), 'active');
  t.match(await run([agent, 'login']), { status: 78 });
  t.equal(await must('systemctl', 'show', '--value', '--property=User', 'trasa-agent.service'), 'trasa-agent');
  t.match(await install('--files'), { status: 0 }, 'once more: a newer release over it');
});

t.test('what is in use is not torn out', async t => {
  writeFileSync('/etc/pam.d/mine', 'auth required pam_trasa.so\n');
  t.match(await install('--uninstall'), { status: 1, stderr: /nothing was removed.*\/etc\/pam\.d\/mine/ });
  rmSync('/etc/pam.d/mine');
  const other = '/etc/ssh/sshd_config.d/50-mine.conf';
  writeFileSync(other, `ForceCommand exec ${agent} login\n`);
  t.match(await install('--uninstall'), { status: 1, stderr: /nothing was removed.*50-mine/ });
  rmSync(other);
  writeFileSync('/var/lib/trasa-agent/precious', '');
  writeFileSync(dropIn, `ForceCommand exec ${agent} login\n`);
  await must('systemctl', 'reload', 'ssh.service');
  t.match(await install('--uninstall'), { status: 0, stdout: /keeps \/var\/lib\/trasa-agent, and its user/ });
  t.notOk(existsSync(dropIn));
  t.notOk(existsSync(agent));
  t.match(await run(['getent', 'passwd', 'trasa-agent']), { status: 0 });
});

t.test('put back exactly: what was there before is there again', async t => {
  writeFileSync('/etc/systemd/system/trasa-agent.service', '# of somebody else\n');
  t.match(await install('--files'), { status: 0, stdout: /replaces \/etc\/systemd\/system\/trasa-agent\.service/ });
  t.match(await install('--uninstall', '--purge'), { status: 0 });
  t.equal(readFileSync('/etc/systemd/system/trasa-agent.service', 'utf8'), '# of somebody else\n');
  rmSync('/etc/systemd/system/trasa-agent.service');
  rmSync('/var/lib/trasa-agent', { recursive: true });
  await must('userdel', 'trasa-agent');
  await must('systemctl', 'daemon-reload');
  t.same(differences(before, traces()), []);
});

t.test('unused and taken off again: no trace', async t => {
  t.match(await install('--files'), { status: 0 });
  t.match(await install('--uninstall'), { status: 0 });
  t.same(differences(before, traces()), []);
});

t.test('by apt, from the packages in dist', async t => {
  t.match(await install('--dry-run'), { status: 0, stdout: /^ {2}\/usr\/lib\/trasa-agent\/trasa-agent$/m });
  t.same(differences(before, traces()), []);
  t.match(await install(), { status: 0 });
  t.match(await run(['dpkg-query', '-W', 'trasa-agent', 'libpam-trasa']), { status: 0 });
  t.match(await install('--files'), { status: 1, stderr: /the package trasa-agent is here/ });
  t.match(await install('--uninstall', '--purge'), { status: 0 });
  t.same(differences(before, traces()), []);
});
