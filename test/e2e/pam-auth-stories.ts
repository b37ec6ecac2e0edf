/** What a person meets whose key sshd has accepted and whom PAM asks, at either door. */
import t from 'tap';
import { startDevice } from '../helpers/e2e/agent.ts';
import { keyThenPam, needsDoor, type PamDoor, sshAsking, writeStack } from '../helpers/e2e/pam.ts';
import { startPamSite } from '../helpers/e2e/pam-site.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import type { Terminal } from '../helpers/e2e/terminal.ts';
import { until } from '../helpers/e2e/until.ts';

const isAsked = [() => true, () => false] as const;
const once = ['-o', 'NumberOfPasswordPrompts=1'];

export async function authStories(door: PamDoor): Promise<void> {
  needsDoor(t, door);
  privateHost(t);
  writeStack('sshd', { auth: door.auth });
  const names = ['alice', 'bob', 'carol', 'dave'] as const;
  const { site, wiretap, sshd } = await startPamSite(t, names, `${keyThenPam}MaxAuthTries 20\n`);
  const { alice, bob, dave } = site.members;
  const decision = async () => await site.daemon.audited(line => line['event'] === 'decision');
  const ask = async (user: string, flags: readonly string[] = []): Promise<Terminal> => {
    const terminal = sshAsking(sshd, user, ['echo in; exit 7'], flags);
    await terminal.expect(door.prompt);
    return terminal;
  };

  /** Waits until the person is told why, and turns away. */
  const refused = async (terminal: Terminal, why: RegExp): Promise<void> => {
    await terminal.expect(why);
    terminal.hangUp();
    await terminal.ended();
  };

  t.test('a code opens the shell, once', async t => {
    const code = alice.code();
    const first = await ask('alice');
    first.send(`${code}\r`);
    await first.expect('in');
    t.match(await first.ended(), { exitCode: 7 });
    const { attempt, ...line } = await decision();
    t.match(line, { decision: 'allow', factor: 'totp', door: door.door, service: 'sshd', person: alice.email });
    t.match(line, { client: '127.0.0.1', key: /^SHA256:/ });
    t.match(attempt, /^[0-9A-Z]{26}$/);

    const second = await ask('alice', once);
    second.send(`${code}\r`);
    await refused(second, /used already/);
    t.match(await decision(), { decision: 'deny' });
    t.notMatch(second.output, /^in\r$/m);
  });

  t.test('Enter sends a push; approval opens the shell', async t => {
    const device = startDevice(bob.device, ['--yes', '--once']);
    await device.printed(/Waiting for pushes/);
    const before = wiretap.count('push');
    const terminal = await ask('bob');
    terminal.send('\r');
    if (door.asksWhilePushing) {
      await terminal.expect(/number \d\d, then press Enter, or type a code: /);
      terminal.send('\r');
    }
    await terminal.expect(/^in\r$/m);
    t.match(await terminal.ended(), { exitCode: 7 });
    t.equal(wiretap.count('push') - before, 1);
    t.match(await decision(), { decision: 'allow', factor: 'push', account: 'bob' });
    await device.finished;
  });

  t.test('a wrong code does not, and the person is told why', async t => {
    const before = wiretap.count('totp');
    const terminal = await ask('alice', once);
    terminal.send(`${alice.wrongCode()}\r`);
    await refused(terminal, /Wrong code\. Check the clock/);
    // The module asks again, and then the person has gone.
    t.match(await decision(), { decision: 'deny', ...(door.door === 'pam-exec' && { reason: 'wrong-code' }) });
    t.equal(wiretap.count('totp') - before, 1);
  });

  t.test('a password typed at the prompt goes nowhere', async t => {
    const pushes = wiretap.count('push');
    const password = 'correct horse battery staple';
    const terminal = await ask('carol', once);
    terminal.send(`${password}\r`);
    if (door.door === 'pam') await terminal.expect(/That is not a code/);
    else await until('a push', () => wiretap.count('push') > pushes); // whatever is no code asks for one
    terminal.hangUp();
    await terminal.ended();
    t.match(await decision(), { decision: 'deny', account: 'carol' });
    for (const text of [wiretap.sent(), site.daemon.process.stdout, site.server.process.stdout, sshd.log()])
      for (const word of [password, 'horse', encodeURIComponent(password)]) t.notMatch(text, new RegExp(word));
  });

  t.test('a refused push is not sent again, however often the client comes back', async t => {
    const device = startDevice(dave.device, ['--no']);
    await device.printed(/Waiting for pushes/);
    const before = wiretap.count('push');
    const terminal = await ask('dave', ['-o', 'NumberOfPasswordPrompts=6']);
    // Enter at whatever is asked; after PAM_MAXTRIES, ssh asks for a password that sshd would not take.
    const asked = terminal.expect.bind(terminal, /(?:push|[Cc]ode|assword): $/);
    terminal.send('\r');
    while (await asked().then(...isAsked)) terminal.send('\r');
    t.match(await terminal.ended(), { exitCode: 255 });
    t.equal(wiretap.count('push') - before, 1, terminal.output);
    t.equal((await device.stop()).stdout.match(/Is this you/g)?.length, 1);
    t.notMatch(terminal.output, /^in\r$/m);
    const reasons = site.daemon.audit().filter(line => line['account'] === 'dave');
    t.match(reasons[0], { decision: 'deny', reason: 'push-refused' });
    t.ok(reasons.every(line => line['decision'] === 'deny'));
  });
}
