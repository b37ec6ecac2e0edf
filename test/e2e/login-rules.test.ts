/** What the administrator's rules change for a person who logs in: grace, autopush, the question for the TRASA ID. */
import t from 'tap';
import { startDaemon, startDevice } from '../helpers/e2e/agent.ts';
import { run } from '../helpers/e2e/background.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { startSite } from '../helpers/e2e/site.ts';
import { copy, ssh, sshTerminal } from '../helpers/e2e/ssh.ts';

privateHost(t);

const site = await startSite(['alice', 'bob', 'carol', 'dave'], '', { extraConfig: 'ExposeAuthInfo yes\n' });
t.teardown(async () => await Promise.all([site.sshd.stop(), site.server.stop()]));
await site.daemon.stop();
const { alice, bob, carol, dave } = site.members;

async function withConfig(config: string, work: (daemon: Awaited<ReturnType<typeof startDaemon>>) => Promise<void>) {
  const daemon = await startDaemon(config);
  try {
    await work(daemon);
  } finally {
    await daemon.stop();
  }
}

t.test('within a grace, what comes from the same key and address is not asked again', async t => {
  await withConfig(site.config.replace('[identity.people]', '[policy]\ngrace = 600\n$&'), async daemon => {
    const terminal = sshTerminal(site.sshd, 'alice');
    await terminal.expect('Code, or Enter for push: ');
    terminal.send(`${alice.code()}\r`);
    await terminal.expect('$ ');
    terminal.send('exit\r');
    await terminal.ended();
    t.match(await daemon.audited(line => line['event'] === 'decision'), { key: /^SHA256:/, decision: 'allow' });

    t.match(await ssh(site.sshd, 'alice', ['exit 7']), { status: 7, stderr: '' });
    t.match(await daemon.audited(line => line['event'] === 'decision'), { decision: 'bypass', reason: 'grace' });
  });
});

t.test('autopush sends the push unasked', async t => {
  await withConfig(site.config.replace('[identity.people]', '[policy]\nautopush = true\n$&'), async () => {
    const terminal = sshTerminal(site.sshd, 'bob');
    await terminal.expect(/^Push sent\. /); // or not, where it is approved in the same moment
    const device = startDevice(bob.device, ['--yes', '--once']);
    await terminal.expect('$ ');
    terminal.send('exit 3\r');
    t.match(await terminal.ended(), { exitCode: 3 });
    await device.finished;
  });
});

t.test('whom no rule names is asked for the TRASA ID, once; Ctrl-C there ends the login', async t => {
  await withConfig(site.config.replace(/^carol = .*$/m, ''), async () => {
    const terminal = sshTerminal(site.sshd, 'carol');
    await terminal.expect('TRASA ID (email or username): ');
    terminal.send('carol@example.com\r');
    await terminal.expect('Code, or Enter for push: ');
    terminal.send(`${carol.wrongCode()}\r`);
    await terminal.expect('Code, or Enter for push: ');
    terminal.send(`${carol.code()}\r`);
    await terminal.expect('$ ');
    terminal.send('exit 4\r');
    t.match(await terminal.ended(), { exitCode: 4 });
    t.equal(terminal.output.match(/TRASA ID/g)?.length, 1);

    const cancelled = sshTerminal(site.sshd, 'carol');
    await cancelled.expect('TRASA ID (email or username): ');
    cancelled.send('\u0003');
    t.match(await cancelled.ended(), { exitCode: 130 });
    t.match(await ssh(site.sshd, 'carol', ['true']), {
      status: 77,
      stderr: /cannot ask you for a code or your TRASA ID/,
    });
  });
});

t.test('file transfers wait for a push, and then work with clean output', async t => {
  const { configFile } = site.sshd;
  const ways: Record<string, () => Promise<{ status: number | null; stdout: string; stderr: string }>> = {
    scp: async () => await copy(site.sshd, 'scp', ['/etc/passwd', 'dave@target:scp']),
    'scp -O': async () => await copy(site.sshd, 'scp', ['-O', '/etc/passwd', 'dave@target:scp-O']),
    'sftp -b': async () =>
      await copy(site.sshd, 'sftp', ['-b', '-', 'dave@target'], { input: 'put /etc/passwd sftp-b\n' }),
    rsync: async () => await run(['rsync', '-e', `ssh -F ${configFile}`, '/etc/passwd', 'dave@target:rsync']),
  };
  await withConfig(site.config, async daemon => {
    for (const [way, transfer] of Object.entries(ways)) {
      const device = startDevice(dave.device, ['--yes', '--once']);
      await device.printed(/Waiting for pushes/);
      t.match(await transfer(), { status: 0 }, way);
      await device.finished;
      t.match(await daemon.audited(line => line['event'] === 'decision'), { factor: 'push', decision: 'allow' }, way);
    }
    const device = startDevice(dave.device, ['--yes', '--once']);
    await device.printed(/Waiting for pushes/);
    const { stdout } = await ssh(site.sshd, 'dave', [
      'cat scp scp-O sftp-b rsync | sort | uniq -c | sort -n | head -1',
    ]);
    t.match(stdout, /^ *4 /, 'four whole copies');
    await device.finished;
  });
});
