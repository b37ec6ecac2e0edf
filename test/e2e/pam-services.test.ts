/** Services that nobody can be asked by are not broken, neither by the sample lines nor by the profile of Debian. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import t from 'tap';
import { Background, run } from '../helpers/e2e/background.ts';
import {
  asksCode,
  asksPassword,
  atTerminal,
  installLines,
  readSample,
  readShipped,
} from '../helpers/e2e/pam-samples.ts';
import { password, startSamplesSite } from '../helpers/e2e/pam-samples-site.ts';
import { until } from '../helpers/e2e/until.ts';

const { site } = await startSamplesSite(t, ['alice']);
const { alice } = site.members;
let current = password; // passwd changes it
if (!existsSync('/etc/pam.d/systemd-user'))
  copyFileSync('/srv/test/fixtures/pam.d/debian-systemd-user', '/etc/pam.d/systemd-user');
cpSync('/etc/pam.d', '/root/shipped', { recursive: true });

const pamAuthUpdate = (flag: string): void => {
  execFileSync('pam-auth-update', [flag, 'trasa'], { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
};
const differences = async (): Promise<string> => {
  const { stdout, stderr } = await run(['diff', '-r', '/root/shipped', '/etc/pam.d']);
  return stdout + stderr;
};

/** What must go on as ever, and of which the daemon hears nothing. */
function stories(t: Tap): void {
  const before = site.daemon.audit().length;

  t.test('cron runs a job', { skip: without('/usr/sbin/cron') }, async t => {
    rmSync('/home/alice/job', { force: true });
    rmSync('/run/crond.reboot', { force: true }); // or @reboot would have been
    execFileSync('crontab', ['-u', 'alice', '-'], { input: '@reboot id -un >new && mv new job\n' });
    const cron = new Background(['/usr/sbin/cron', '-f']);
    const said = await until('the job', () => existsSync('/home/alice/job') && readFileSync('/home/alice/job', 'utf8'));
    t.equal(said, 'alice\n');
    await cron.stop();
  });

  t.test('systemd starts the manager of a user', { skip: without('/usr/bin/pamtester') }, async t => {
    const phases = ['acct_mgmt', 'open_session', 'close_session'];
    t.match(await run(['pamtester', 'systemd-user', 'alice', ...phases]), { status: 0 });
  });

  t.test('passwd changes a password', async t => {
    const next = `${current} again`;
    const terminal = atTerminal('alice', 'passwd');
    for (const [question, answer] of [
      [/Current password: $/, current],
      [/New password: $/, next],
      [/Retype new password: $/, next],
    ] as const) {
      await terminal.expect(question);
      terminal.send(`${answer}\r`);
    }
    await terminal.expect(/updated successfully/);
    t.match(await terminal.ended(), { exitCode: 0 });
    current = next;
  });

  t.test('root changes a shell', async t => {
    t.match(await run(['chsh', '-s', '/bin/sh', 'alice']), { status: 0 });
    t.match(readFileSync('/etc/passwd', 'utf8'), /^alice:.*:\/bin\/sh$/m);
  });

  t.test('nobody was asked', async t => {
    t.equal(site.daemon.audit().length, before);
  });
}

/** alice changes her shell; what comes after the password is for the caller. */
async function chsh() {
  const terminal = atTerminal('alice', 'chsh', '-s', '/bin/bash');
  await terminal.expect(asksPassword);
  terminal.send(`${current}\r`);
  return terminal;
}

t.test('the sample lines', async t => {
  for (const service of ['sshd', 'sudo', 'su', 'login'])
    installLines(service, readSample('debian', service), readShipped('debian', service));
  stories(t);

  t.test('chsh asks for the password only', async t => {
    const terminal = await chsh();
    t.match(await terminal.ended(), { exitCode: 0 });
    t.notMatch(terminal.output, /[Cc]ode/);
  });

  t.teardown(() => {
    cpSync('/root/shipped', '/etc/pam.d', { recursive: true });
  });
});

t.test('the profile, as pam-auth-update enables it', { skip: without('/usr/sbin/pam-auth-update') }, async t => {
  copyFileSync('/srv/pam/pam-auth-update.trasa', '/usr/share/pam-configs/trasa');
  t.equal(await differences(), '', 'it is off until it is asked for');
  pamAuthUpdate('--enable');
  t.match(await differences(), /^> auth\s+required\s+pam_trasa\.so first=password$/m);
  stories(t);

  t.test('chsh asks for the second factor, too', async t => {
    const terminal = await chsh();
    await terminal.expect(asksCode);
    terminal.send(`${alice.code()}\r`);
    t.match(await terminal.ended(), { exitCode: 0 });
    await site.daemon.audited(line => line['event'] === 'decision');
    const all = site.daemon.audit().filter(line => line['event'] === 'decision');
    t.equal(all.length, 1, 'and is the first that does');
    t.match(all[0], { decision: 'allow', service: 'chsh', account: 'alice' });
  });

  for (const flag of ['--disable', '--remove'])
    t.test(`${flag} leaves all as it was`, async t => {
      pamAuthUpdate('--enable');
      t.not(await differences(), '');
      pamAuthUpdate(flag);
      t.equal(await differences(), '');
    });
});

function without(program: string): string | false {
  return existsSync(program) ? false : `needs ${program}`;
}

type Tap = Pick<typeof t, 'test'>;
