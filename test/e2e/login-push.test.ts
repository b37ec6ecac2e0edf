/** A person approves, refuses or abandons a push; with a terminal and without. */
import t from 'tap';
import { startDevice } from '../helpers/e2e/agent.ts';
import { Background } from '../helpers/e2e/background.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import { startSite } from '../helpers/e2e/site.ts';
import { ssh, sshTerminal } from '../helpers/e2e/ssh.ts';
import { Terminal } from '../helpers/e2e/terminal.ts';

privateHost(t);

const prompt = 'Code, or Enter for push: ';
const site = await startSite(['alice', 'bob', 'carol', 'dave', 'erin', 'frank']);
t.teardown(async () => await site.stop());
const { alice, bob, carol, dave, erin, frank } = site.members;
const decision = async () => await site.daemon.audited(line => line['event'] === 'decision');

t.test('Enter sends a push with a number; the device shows the same number; approval opens the shell', async t => {
  const terminal = sshTerminal(site.sshd, 'alice');
  await terminal.expect(prompt);
  terminal.send('\r');
  const [, number] = await terminal.expect(/Push sent\. Approve it .*the number (\d\d), or type a code: /);
  const device = startDevice(alice.device, ['--yes', '--once']); // now, or it might approve before the number is shown
  await terminal.expect('$ ');
  terminal.send('exit\r');
  t.match(await terminal.ended(), { exitCode: 0 });
  const { stdout, status } = await device.finished;
  t.equal(status, 0);
  t.match(stdout, new RegExp(`\\b${number}\\b`));
  t.match(stdout, /alice/);
  t.match(stdout, /web1/);
  t.match(stdout, /127\.0\.0\.1/);
  t.match(await decision(), { decision: 'allow', factor: 'push', person: 'alice@example.com' });
});

t.test('a push for another number is not approved', async t => {
  const device = startDevice(bob.device, ['--number', '01', '--once']); // ours never begin with 0
  await device.printed(/Waiting for pushes/);
  const terminal = sshTerminal(site.sshd, 'bob');
  await terminal.expect(prompt);
  terminal.send('\r');
  t.match(await terminal.ended(), { exitCode: 77 });
  t.match(terminal.output, /refused on your device/);
  t.equal((await device.finished).status, 77);
  t.match(await decision(), { decision: 'deny', reason: 'push-refused' });

  t.test('and for a while after a refusal no push is sent', async t => {
    const { status, stdout, stderr } = await ssh(site.sshd, 'bob', ['true']);
    t.equal(stdout, '');
    t.match(stderr, /No push is sent for a while after a refusal/);
    t.equal(status, 75);
    t.match(await decision(), { decision: 'deny', reason: 'push-cooling-down' });
  });
});

t.test('while a push waits, a code opens the shell and the push vanishes from the device', async t => {
  const terminal = sshTerminal(site.sshd, 'carol');
  await terminal.expect(prompt);
  terminal.send('\r');
  await terminal.expect(/or type a code: /);
  const device = new Terminal([agent, 'server', 'approve', '--device', carol.device]);
  await device.expect(/Let in/);
  terminal.send(`${carol.code()}\r`);
  await terminal.expect('$ ');
  terminal.send('exit\r');
  await terminal.ended();
  t.match(await decision(), { decision: 'allow', factor: 'totp' });
  await device.expect(/withdrawn|cancelled|gone|given up/i);
  device.send('\u0003');
  await device.ended();
});

t.test('a plain command waits for approval: clean stdout, stdin untouched, the reason on stderr', async t => {
  const device = startDevice(dave.device, ['--yes', '--once']);
  await device.printed(/Waiting for pushes/);
  const { status, stdout, stderr } = await ssh(site.sshd, 'dave', ['cat; exit 9'], { input: 'what was piped in\n' });
  t.equal(stdout, 'what was piped in\n');
  t.match(stderr, /^trasa-agent: Push sent\. Waiting for you to approve it .*the number \d\d\.\n$/);
  t.equal(status, 9);
  await device.finished;
  t.match(await decision(), { decision: 'allow', factor: 'push', command: 'cat; exit 9', tty: null });
});

t.test('Ctrl-C, and a connection that is cut with and without a terminal, cancel the push', async t => {
  const ways: [string, string | RegExp, () => Promise<void>][] = [
    [
      'Ctrl-C',
      'cancelled',
      async () => {
        const terminal = sshTerminal(site.sshd, 'erin');
        await terminal.expect(prompt);
        terminal.send('\r');
        await terminal.expect(/or type a code: /);
        terminal.send('\u0003');
        t.match(await terminal.ended(), { exitCode: 130 });
      },
    ],
    [
      'a closed window',
      /^(cancelled|disconnected)$/, // the end of the terminal's input, or SIGHUP: whichever the agent sees first
      async () => {
        const terminal = sshTerminal(site.sshd, 'erin');
        await terminal.expect(prompt);
        terminal.send('\r');
        await terminal.expect(/or type a code: /);
        terminal.hangUp();
        await terminal.ended();
      },
    ],
    [
      'a client killed in the middle of a command without a terminal',
      'disconnected',
      async () => {
        const client = new Background(['ssh', '-F', site.sshd.configFile, 'erin@target', 'true']);
        await client.printed(/Push sent/);
        await client.stop('SIGKILL');
      },
    ],
  ];
  for (const [way, reason, run] of ways) {
    await run();
    t.match(await decision(), { decision: 'deny', reason, account: 'erin' }, way);
    // The server has let go of it: the next push of this person is accepted, one at a time being allowed.
  }
  const device = startDevice(erin.device, ['--yes', '--once']);
  await device.printed(/Waiting for pushes/);
  t.equal((await ssh(site.sshd, 'erin', ['exit 3'])).status, 3);
  const { stdout } = await device.finished;
  t.equal(stdout.match(/127\.0\.0\.1/g)?.length, 1, 'of four pushes the device ever saw the last one only');
});

t.test('one push at a time for a person on a host', async t => {
  const first = new Background(['ssh', '-F', site.sshd.configFile, 'frank@target', 'true']);
  await first.printed(/Push sent/);
  const second = await ssh(site.sshd, 'frank', ['true']);
  t.equal(second.status, 75);
  t.match(second.stderr, /Another login of yours on this host waits for approval/);
  const device = startDevice(frank.device, ['--yes', '--once']);
  t.equal((await first.finished).status, 0);
  await device.finished;
});
