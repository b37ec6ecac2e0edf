/** When `trasa-agent setup` goes no further, and why; whatever it has done by then is undone. */
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import t, { type Test } from 'tap';
import { configFile, startDevice } from '../helpers/e2e/agent.ts';
import { run } from '../helpers/e2e/background.ts';
import { sshdConfig } from '../helpers/e2e/own-sshd.ts';
import { module, needsDoor, sshAsking } from '../helpers/e2e/pam.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import { dropIn, files, pamFile, startSetupHost } from '../helpers/e2e/setup-host.ts';
import { ssh } from '../helpers/e2e/ssh.ts';
import { until } from '../helpers/e2e/until.ts';

needsDoor(t, module);
privateHost(t);
const host = await startSetupHost(['alice', 'bob']);
t.teardown(async () => await host.stop());
const { sshd, daemon, members } = host;
const byModule = ['--door', 'pam', '--first-factor', 'key'];
const forced = ['--door', 'force-command'];
const untouched = files();

async function isRefused(
  t: Test,
  flags: readonly string[],
  expected: { readonly status: number; readonly stderr: RegExp },
  changes?: { readonly key?: string; readonly url?: string },
): Promise<void> {
  const before = files();
  const refused = await host.setup(flags, changes);
  t.match(refused, expected);
  if (refused.status === 0) await run([agent, 'setup', '--revert']);
  t.strictSame(files(), before, 'everything is as it was');
  t.match(await ssh(sshd, 'alice', ['true']), { status: 0 }, 'one can log in');
}

t.test('a dry run says which files it would touch, and touches none', async t => {
  const { status, stdout, stderr } = await host.setup([...byModule, '--dry-run']);
  t.equal(stderr, '');
  t.equal(status, 0);
  for (const file of [configFile, dropIn, pamFile]) t.match(stdout, file);
  t.match(stdout, /will not hold any more: \/etc\/ssh\/sshd_config:\d+ kbdinteractiveauthentication no/);
  t.strictSame(files(), untouched);
});

t.test('with nobody to be asked, what is missing is named', async t => {
  t.match(await run([agent, 'setup', '--yes']), {
    status: 64,
    stderr: /say --door, --first-factor, --server, --service-id, --service-key-file/,
  });
  t.match(await run([agent, 'setup']), { status: 64, stderr: /say --yes/ });
});

t.test('a key that the server does not accept', async t => {
  await isRefused(
    t,
    byModule,
    { status: 1, stderr: /does not accept this host[^]*Everything is as it was/ },
    { key: 'wrong-key' },
  );
});

t.test("the key in a file, which must be root's alone", async t => {
  const file = '/root/service.key';
  writeFileSync(file, `${host.credentials.serviceKey}\n`, { mode: 0o600 });
  const words = ['--server', host.server.url, '--service-id', host.credentials.serviceID, '--pin', host.server.pin];
  const dry = async (path: string) =>
    await run([agent, 'setup', '--dry-run', ...byModule, ...words, '--service-key-file', path]);
  t.match(await dry(file), { status: 0, stderr: '' });
  for (const [mode, why] of [
    [0o644, /can be read by everyone/],
    [0o620, /can be written by others/],
  ] as const) {
    chmodSync(file, mode);
    t.match(await dry(file), { status: 78, stderr: why });
  }
  t.match(await dry('/nowhere'), {
    status: 78,
    stderr: /does not exist/,
  });
  t.notMatch(JSON.stringify(files()), host.credentials.serviceKey);
});

t.test('what the packages bring is missing', async t => {
  const passwd = readFileSync('/etc/passwd', 'utf8');
  writeFileSync('/etc/passwd', passwd.replace(/^trasa-agent:.*\n/m, ''));
  await isRefused(t, byModule, { status: 78, stderr: /no user trasa-agent[^]*hint: useradd --system/ });
  writeFileSync('/etc/passwd', passwd);
  const [installed = ''] = globSync('/usr/lib/*/security/pam_trasa.so');
  renameSync(installed, `${installed}.away`);
  await isRefused(t, byModule, { status: 78, stderr: /no module pam_trasa.so[^]*libpam-trasa/ });
  renameSync(`${installed}.away`, installed);
});

t.test('a server that is not there', async t => {
  await isRefused(t, byModule, { status: 1, stderr: /127\.0\.0\.1:9/ }, { url: 'https://127.0.0.1:9' });
});

t.test('a configuration that is wrong', async t => {
  await isRefused(t, [...byModule, '--domain', 'not a domain'], { status: 1, stderr: /domain must be a domain name/ });
});

t.test('users and groups that could not be meant', async t => {
  await isRefused(t, [...byModule, '--user', 'nobody-there'], { status: 78, stderr: /knows no user nobody-there/ });
  await isRefused(t, [...byModule, '--group', 'nogroup-there'], { status: 78, stderr: /knows no group nogroup-there/ });
  await isRefused(t, [...byModule, '--group', 'a*'], {
    status: 78,
    stderr: /cannot be told of the user or group "a\*"/,
  });
  await isRefused(t, ['--door', 'pam-exec', '--first-factor', 'key', '--user', 'alice'], {
    status: 78,
    stderr: /choose --door pam/,
  });
});

t.test('a line of sshd that wins over ours is named', async t => {
  const competing = (file: string, text: string, expected: RegExp, flags = forced): void => {
    t.test(`${text.replaceAll('\n', ' / ')} in ${file}`, async t => {
      const before = readOr(file);
      if (file === sshdConfig)
        writeFileSync(file, text.startsWith('Match') ? `${before}\n${text}\n` : `${text}\n${before}`);
      else writeFileSync(file, `${text}\n`);
      await isRefused(t, flags, { status: 1, stderr: expected });
      if (before === '') rmSync(file);
      else writeFileSync(file, before);
    });
  };
  const early = '/etc/ssh/sshd_config.d/05-early.conf';
  competing(
    early,
    'ForceCommand /bin/true',
    /forcecommand \/bin\/true, not exec .*; see \/etc\/ssh\/sshd_config.d\/05-early.conf:1/,
  );
  competing(sshdConfig, 'X11Forwarding yes', /x11forwarding yes, not no; see \/etc\/ssh\/sshd_config:1/);
  competing(early, 'PermitUserEnvironment LANG', /permituserenvironment LANG, not no; see .*05-early.conf:1/, [
    ...forced,
    '--user',
    'alice',
  ]);
  competing(
    sshdConfig,
    'Match User alice\n  AuthenticationMethods publickey',
    /for alice sshd has authenticationmethods publickey, not publickey,keyboard-interactive:pam; see .*sshd_config:\d+ \(Match User alice\)/,
    byModule,
  );
  competing(
    early,
    'KbdInteractiveAuthentication no',
    /cannot be satisfied[^]*hint: .*05-early.conf:1 has kbdinteractiveauthentication no/,
    byModule,
  );
});

t.test('an exception for some addresses is told, and kept', async t => {
  const before = readFileSync(sshdConfig, 'utf8');
  writeFileSync(sshdConfig, `${before}\nMatch Address 10.0.0.0/8\n  AuthenticationMethods publickey\n`);
  t.match(await host.setup(byModule), {
    status: 0,
    stdout:
      /Note: Where \/etc\/ssh\/sshd_config:\d+ matches, for .*alice.* sshd has authenticationmethods publickey, not/,
  });
  t.match(await run([agent, 'setup', '--revert']), { status: 0 });
  writeFileSync(sshdConfig, before);
});

t.test('a 50-*.conf that comes later does not win', async t => {
  const later = '/etc/ssh/sshd_config.d/50-vendor.conf';
  writeFileSync(later, 'ForceCommand /bin/true\nX11Forwarding yes\n');
  t.match(await host.setup(forced), { status: 0, stderr: '' });
  t.match(await run([agent, 'setup', '--revert']), { status: 0 });
  rmSync(later);
  t.strictSame(files(), untouched);
});

t.test('an sshd_config that sshd does not take as it is', async t => {
  const broken = '/etc/ssh/sshd_config.d/50-cloud-init.conf';
  writeFileSync(broken, 'NoSuchOption yes\n');
  await isRefused(t, byModule, { status: 78, stderr: /does not accept its configuration as it is: .*50-cloud-init/ });
  rmSync(broken);
});

t.test('an sshd_config that would never read our file', async t => {
  const before = readFileSync(sshdConfig, 'utf8');
  writeFileSync(sshdConfig, before.replace(/^Include/m, '#Include'));
  await isRefused(t, forced, { status: 78, stderr: /does not include[^]*hint: make this its first line: Include/ });
  writeFileSync(sshdConfig, before);
});

t.test('a PAM file that has lines of ours, or is not as we know it, or has a way past them', async t => {
  const before = readFileSync(pamFile, 'utf8');
  for (const [text, expected] of [
    [
      before.replace('@include common-auth', '@include common-auth\nauth required pam_trasa.so'),
      { status: 78, stderr: /sshd:5 has lines of trasa-agent/ },
    ],
    [
      before.replace('@include common-account', 'account required pam_permit.so'),
      { status: 78, stderr: /has no line @include common-account/ },
    ],
    [
      before.replace('@include common-auth', 'auth sufficient pam_rootok.so\n@include common-auth'),
      { status: 1, stderr: /a way past the second factor in PAM's auth phase: .*sshd:4 success/ },
    ],
  ] as const) {
    writeFileSync(pamFile, text);
    await isRefused(t, byModule, expected);
  }
  writeFileSync(pamFile, before);
});

t.test('a drop-in of that name that somebody else has made', async t => {
  writeFileSync(dropIn, 'X11Forwarding no\n');
  await isRefused(t, byModule, { status: 78, stderr: /10-trasa-agent.conf was not made by setup/ });
  rmSync(dropIn);
});

t.test('an sshd that cannot be told', async t => {
  const pid = readFileSync('/run/sshd.pid', 'utf8');
  rmSync('/run/sshd.pid');
  await isRefused(t, byModule, { status: 78, stderr: /cannot reload sshd \(process \d+\): its PidFile/ });
  writeFileSync('/run/sshd.pid', pid);
});

t.test('while one waits for its confirmation, another is not begun', async t => {
  t.match(await host.setup(byModule), { status: 0, stderr: '' });
  t.match(await run([agent, 'setup', '--status']), { stdout: /Waits for its confirmation/ });
  t.match(await host.setup(forced), { status: 75, stderr: /waits for its confirmation/ });
  const batch = ['ssh', '-F', sshd.configFile, '-o', 'BatchMode=yes', 'alice@target', 'true'] as const;
  t.match(await run(batch), { status: 255 }, 'a key alone is not enough now');
  t.match(await run([agent, 'setup', '--revert']), { status: 0 });
  t.strictSame(files(), untouched);
});

t.test('a disk that is full, where it would write first, and where it would write later', async t => {
  for (const folder of ['/var/lib/trasa-setup', '/etc/ssh/sshd_config.d']) {
    mkdirSync(folder, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8k,mode=0700', 'tmpfs', folder]);
    writeFileSync(`${folder}/filler`, 'x'.repeat(8192));
    await isRefused(t, byModule, { status: 1, stderr: /ENOSPC[^]*Everything is as it was/ });
    execFileSync('umount', [folder]);
  }
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', '/var/lib/trasa-setup']);
  await isRefused(t, byModule, { status: 1, stderr: /EROFS/ });
  execFileSync('umount', ['/var/lib/trasa-setup']);
});

t.test('nobody confirms, and everything is undone', async t => {
  t.match(await host.setup([...byModule, '--revert-after-seconds', '1']), { status: 0, stderr: '' });
  await until('everything to be undone', () => JSON.stringify(files()) === JSON.stringify(untouched));
  t.match(await ssh(sshd, 'alice', ['true']), { status: 0 });
  t.match(await run([agent, 'setup', '--confirm']), { status: 77, stderr: /nothing waits for a confirmation/ });
});

t.test('what somebody else has changed meanwhile is not lost', async t => {
  t.match(await host.setup(byModule), { status: 0 });
  appendFileSync(pamFile, '# mine\n');
  appendFileSync(dropIn, '# mine too\n');
  const undone = await run([agent, 'setup', '--revert']);
  t.match(undone, { status: 0, stdout: /only our lines were taken out[^]*a copy of that is/ });
  t.equal(readFileSync(pamFile, 'utf8'), `${untouched[pamFile]}# mine\n`);
  t.match(readFileSync('/var/lib/trasa-setup/saved/10-trasa-agent.conf', 'utf8'), /mine too/);
  writeFileSync(pamFile, untouched[pamFile] ?? '');
  rmSync('/var/lib/trasa-setup/saved', { recursive: true });
});

t.test(
  'observe: whatever the server says it is set up, everybody comes in, and the log says what would be',
  async t => {
    const done = await host.setup([...byModule, '--observe', '--domain', 'example.com'], { key: 'wrong-key' });
    t.match(done, { status: 0, stderr: '', stdout: /Note: The server does not accept this host yet/ });
    const terminal = sshAsking(sshd, 'alice', [], ['-tt']);
    await terminal.expect(/\$ $/);
    t.match(terminal.output, /being tried out here/);
    terminal.send('exit\r');
    await terminal.ended();
    t.match(await daemon.audited(line => line['event'] === 'decision'), {
      decision: 'bypass',
      reason: 'observe',
      detail: 'would ask alice@example.com for a second factor',
    });
    t.match(await run([agent, 'setup', '--revert']), { status: 0 });

    t.match(await host.setup([...forced, '--observe', '--domain', 'example.com']), { status: 0, stderr: '' });
    t.match(await ssh(sshd, 'alice', ['echo in']), { status: 0, stdout: 'in\n', stderr: '' }, 'a script hears nothing');
    t.match(await daemon.audited(line => line['event'] === 'decision'), {
      reason: 'observe',
      detail: 'would send a push to alice@example.com',
    });
    t.match(await run([agent, 'doctor', '--offline']), {
      stdout: /the daemon asks nobody, and only logs .*\[observing\]/,
    });
    t.match(await run([agent, 'check', '--offline']), { status: 0, stderr: /nobody is asked for a second factor/ });
    t.match(await run([agent, 'setup', '--revert']), { status: 0 });
    t.strictSame(files(), untouched);
  },
);

t.test('a configuration that was there is kept unless a new one is asked for, and then as a backup', async t => {
  mkdirSync('/etc/trasa', { recursive: true });
  t.match(await host.setup(forced), { status: 0 });
  const mine = `${readFileSync(configFile, 'utf8')}\n# mine\n`;
  t.match(await run([agent, 'setup', '--revert']), { status: 0 });
  writeFileSync(configFile, mine, { mode: 0o600 });
  t.match(await run([agent, 'setup', '--yes', ...forced]), { status: 1, stderr: /cannot be read by user id/ });
  await run(['chown', 'root:trasa-agent', configFile]);
  await run(['chmod', '640', configFile]);
  t.match(await run([agent, 'setup', '--yes', ...forced]), { status: 0, stdout: /The configuration stays as it is/ });
  t.equal(readFileSync(configFile, 'utf8'), mine);
  t.match(await run([agent, 'setup', '--revert']), { status: 0 });
  t.match(await host.setup([...forced, '--user', 'bob']), { status: 0 });
  t.equal(readFileSync(`${configFile}.before-setup`, 'utf8'), mine);
  t.match(await ssh(sshd, 'alice', ['echo in']), { stdout: 'in\n' }, 'alice is not meant');
  const phone = startDevice(members.bob.device, ['--yes', '--once']);
  await phone.printed(/Waiting for pushes/);
  t.match(await ssh(sshd, 'bob', ['echo in']), { stdout: 'in\n' }, 'bob is, and approves');
  await phone.finished;
  t.match(await run([agent, 'setup', '--revert']), { status: 0 });
  t.equal(readFileSync(configFile, 'utf8'), mine);
  t.equal(files()[`${configFile}.before-setup`], undefined);
});

t.test('a daemon that is not there', async t => {
  await daemon.stop();
  await isRefused(t, byModule, { status: 1, stderr: /no daemon answers at .*hint: start it/s });
});

function readOr(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
