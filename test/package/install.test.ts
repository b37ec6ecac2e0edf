/** From our repository onto a fresh Debian: what is there afterwards, and what is not; then logins by code and push. */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../helpers/e2e/background.ts';
import { until } from '../helpers/e2e/until.ts';
import { bootedHost } from '../helpers/package/booted-host.ts';
import { apt, repository, serveFolder, useRepository } from '../helpers/package/repository.ts';
import { approveOnce, dropIn, journal, mainPid, must, startPackagedSite } from '../helpers/package/site.ts';

t.setTimeout(600_000); // the first one makes the Debian and the packages
bootedHost(t);

const sshdBefore = await must('/usr/sbin/sshd', '-T');

t.test('apt takes the repository from a folder and from a web server, and trusts its signature only', async t => {
  t.match(await useRepository(`file:${repository}`), { status: 0, stderr: '' });
  const forged = mkdtempSync('/root/forged-');
  cpSync(repository, forged, { recursive: true });
  for (const name of ['Packages', 'Release', 'InRelease'])
    writeFileSync(join(forged, name), readFileSync(join(forged, name), 'utf8').replace(/trasa/, 'Trasa'));
  const bad = await serveFolder(forged);
  t.match(await useRepository(bad.url), { status: 100, stderr: /signature/i });
  bad.stop();

  const good = await serveFolder(repository);
  t.match(await useRepository(good.url), { status: 0, stderr: '' });
  await apt('install', 'trasa-agent');
  good.stop();
  t.equal(await must('dpkg-query', '-W', '-f', '${db:Status-Abbrev}', 'trasa-agent', 'libpam-trasa'), 'ii ii');
  t.equal(await must('dpkg', '--verify', 'trasa-agent', 'libpam-trasa'), '', 'every file is as it was packed');
});

t.test('it changes no login: neither PAM nor sshd knows of it', async t => {
  t.equal(await must('/usr/sbin/sshd', '-T'), sshdBefore);
  t.match(await run(['grep', '-r', 'trasa', '/etc/pam.d', '/etc/ssh']), { status: 1, stdout: '' });
});

t.test('the program speaks, and so do its pages and its completion', async t => {
  t.match(await run(['trasa-agent', '--version']), { status: 0, stdout: /^trasa-agent \d/ });
  t.match(await run(['trasa-agent', 'check']), {
    status: 78,
    stderr: /\/etc\/trasa\/trasa-agent\.toml.*does not exist/,
  });
  for (const page of ['trasa-agent.8', 'trasa-agent.toml.5', 'pam_trasa.8'])
    t.match(await run(['lexgrog', `/usr/share/man/man${page.at(-1)}/${page}.gz`]), { status: 0 }, page);
  const complete = `. /usr/share/bash-completion/bash_completion; _completion_loader trasa-agent
    COMP_WORDS=(trasa-agent server enrol totp x --al) COMP_CWORD=5; _trasa_agent; echo "\${COMPREPLY[@]}"`;
  t.match(await run(['bash', '-c', complete]), { stdout: '--algorithm\n' });
});

t.test('the units are in order, and confined', async t => {
  const units = ['trasa-agent.socket', 'trasa-agent.service', 'trasa-server.service', 'trasa-proxy.service'];
  t.match(await run(['systemd-analyze', 'verify', '--man=no', ...units]), { status: 0, stderr: '' });
  for (const unit of units.slice(1))
    t.match(
      await run(['systemd-analyze', 'security', '--threshold=15', unit]),
      { status: 0 },
      `${unit} is at 1.5 or below`,
    );
  t.equal(await must('systemctl', 'is-active', 'trasa-agent.socket'), 'active');
  for (const unit of units.slice(2)) {
    t.match(await run(['systemctl', 'is-enabled', unit]), { stdout: 'disabled\n' }, unit);
    t.match(await run(['systemctl', 'is-active', unit]), { stdout: 'inactive\n' }, unit);
  }
});

t.test('without a configuration the daemon is there, and denies', async t => {
  t.match(await run(['trasa-agent', 'login']), { status: 78 });
  t.match((await journal()).at(-1), { event: 'decision', decision: 'deny', reason: 'config-invalid' });
});

t.test('a daemon that dies again and again is started again and again: systemd does not give up on it', async t => {
  for (let death = 0; death < 12; death++) {
    const pid = await mainPid('trasa-agent.service');
    if (pid !== '0') process.kill(Number(pid), 'SIGKILL');
    await until('its death', async () => pid === '0' || (await mainPid('trasa-agent.service')) !== pid);
    t.match(await run(['trasa-agent', 'login']), { status: 78, stderr: /^trasa-agent: (?!.*does not answer)/ });
  }
  t.equal(await must('systemctl', 'is-active', 'trasa-agent.socket'), 'active');
});

t.test('logins by code, by push, and through the installed module, with everything confined as shipped', async t => {
  const audit = '/var/log/trasa-agent/audit.log';
  const site = await startPackagedSite(['alice'], `[daemon]\nauditFile = "${audit}"\n`);
  const byCode = site.ssh('alice', ['id -un; exit 7']);
  await byCode.expect('Code, or Enter for push: ');
  byCode.send(`${site.members.alice.code()}\r`);
  await byCode.expect(/^alice\r$/m);
  t.match(await byCode.ended(), { exitCode: 7 });

  await must('logrotate', '--force', '/etc/logrotate.d/trasa-agent');
  const device = await approveOnce(site.members.alice.device);
  const byPush = site.ssh('alice', ['exit 8']);
  await byPush.expect('Code, or Enter for push: ');
  byPush.send('\r');
  t.match(await byPush.ended(), { exitCode: 8 });
  await device.finished;

  const decisions = (await journal()).filter(({ event, account }) => event === 'decision' && account === 'alice');
  t.match(decisions, [
    { decision: 'allow', factor: 'totp', client: '127.0.0.1' },
    { decision: 'allow', factor: 'push' },
  ]);
  t.equal(await must('systemctl', 'show', '-P', 'User', 'trasa-agent.service'), 'trasa-agent');
  t.match(await run(['trasa-agent', 'check']), { status: 0, stdout: /accepts this host/ });
  t.match(readFileSync(`${audit}.1`, 'utf8'), /"factor":"totp"/);
  t.match(readFileSync(audit, 'utf8'), /^\{[^\n]*"factor":"push"[^\n]*\}\n$/, 'rotated between the two');

  rmSync(dropIn);
  const sample = readFileSync('/usr/share/doc/libpam-trasa/examples/debian/sshd', 'utf8');
  const rest = readFileSync('/etc/pam.d/sshd', 'utf8').match(
    /^(session|password|@include common-(session|password)).*$/gm,
  );
  writeFileSync('/etc/pam.d/sshd', `${sample}\n${rest?.join('\n')}\n`);
  writeFileSync(
    '/etc/ssh/sshd_config.d/10-pam.conf',
    'KbdInteractiveAuthentication yes\nAuthenticationMethods publickey,keyboard-interactive:pam\n',
  );
  await must('systemctl', 'restart', 'ssh.service'); // after a reload it refuses for a moment
  const byModule = site.ssh('alice', ['exit 9']);
  await byModule.expect('Code, or Enter for push: ');
  byModule.send(`${site.members.alice.code()}\r`);
  t.match(await byModule.ended(), { exitCode: 9 });
  t.match(
    (await journal()).findLast(({ event }) => event === 'decision'),
    { decision: 'allow', door: 'pam', service: 'sshd' },
  );
});

t.test('the profile of pam-auth-update is off, and can be chosen', async t => {
  await must('pam-auth-update', '--enable', 'trasa');
  t.match(readFileSync('/etc/pam.d/common-auth', 'utf8'), /^auth\s+required\s+pam_trasa\.so first=password$/m);
  await must('pam-auth-update', '--disable', 'trasa');
  t.notMatch(readFileSync('/etc/pam.d/common-auth', 'utf8'), /trasa/);
  t.ok(existsSync('/usr/share/doc/libpam-trasa/examples/debian/sshd'));
});
