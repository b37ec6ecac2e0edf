/** When the daemon or the server is away, and when very many come at once; at either door. */
import t from 'tap';
import { startDaemon, startDevice } from '../helpers/e2e/agent.ts';
import { run } from '../helpers/e2e/background.ts';
import {
  keyThenPam,
  needsDoor,
  type PamDoor,
  sshAsking,
  startPamSshd,
  waitingLogins,
  writeStack,
} from '../helpers/e2e/pam.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { startSite } from '../helpers/e2e/site.ts';
import { ssh } from '../helpers/e2e/ssh.ts';
import { until } from '../helpers/e2e/until.ts';
import { addUser, authorize } from '../helpers/e2e/users.ts';

const crowd = 50;

export async function troubleStories(door: PamDoor): Promise<void> {
  needsDoor(t, door);
  privateHost(t);
  const site = await startSite(['alice', 'bob'], '[policy]\nexemptUsers = ["robot"]\n');
  const asking = await startPamSshd({ extraConfig: keyThenPam });
  const silent = await startPamSshd();
  const robot = addUser({ name: 'robot' });
  for (const user of [site.members.alice.user, site.members.bob.user, robot])
    for (const { publicKey } of [asking, silent]) authorize(user, publicKey);
  t.teardown(async () => {
    await Promise.all([asking.stop(), silent.stop()]);
    await site.stop();
  });
  /** A login by key, which may push only; and one that is asked and presses Enter. */
  const byKey = async (user = 'alice') => {
    writeStack('sshd', { account: door.account });
    return await ssh(silent, user, ['echo in']);
  };
  const byAnswer = async (user = 'alice') => {
    writeStack('sshd', { auth: door.auth });
    const terminal = sshAsking(asking, user, ['echo in'], ['-o', 'NumberOfPasswordPrompts=1']);
    const isAsked = async (): Promise<boolean> =>
      await terminal.expect(/(?:push|[Cc]ode|Password): $/).then(
        () => true,
        () => false, // it has ended
      );
    while (await isAsked()) terminal.send('\r');
    const { exitCode } = await terminal.ended();
    return { status: exitCode, output: terminal.output };
  };

  t.test(`${crowd} logins at once that need no factor: all enter`, async t => {
    writeStack('sshd', { account: door.account });
    const all = await Promise.all(Array.from({ length: crowd }, async () => await ssh(silent, 'robot', ['echo in'])));
    t.equal(all.filter(({ status, stdout }) => status === 0 && stdout === 'in\n').length, crowd);
    const lines = site.daemon.audit().filter(line => line['account'] === 'robot');
    t.equal(lines.length, crowd);
    t.ok(lines.every(line => line['decision'] === 'bypass' && line['reason'] === 'exempt-user'));
  });

  t.test(`${crowd} logins at once of one person: one push, one enters`, async t => {
    writeStack('sshd', { account: door.account });
    const all = Array.from({ length: crowd }, async () => await ssh(silent, 'bob', ['echo in']));
    const denied = (): number => site.daemon.audit().filter(line => line['account'] === 'bob').length;
    await until(`${crowd - 1} refusals`, () => denied() === crowd - 1);
    const device = startDevice(site.members.bob.device, ['--yes']);
    const finished = await Promise.all(all);
    t.equal(finished.filter(({ stdout }) => stdout === 'in\n').length, 1);
    t.equal((await device.stop()).stdout.match(/Is this you/g)?.length, 1);
    const reasons = new Set(
      site.daemon
        .audit()
        .filter(line => line['account'] === 'bob')
        .map(line => line['reason']),
    );
    t.strictSame(reasons, new Set(['push-already-waiting', 'push']));
    await until('no process of a login', () => waitingLogins().length === 0);
  });

  t.test('without a daemon nobody enters, and the person is told', async t => {
    await site.daemon.stop();
    t.match(await byKey(), { status: 255, stdout: '' });
    const { status, output } = await byAnswer();
    t.equal(status, 255);
    t.match(output, /agent of this host does not answer/);
    t.match(await byKey('robot'), { status: 255, stdout: '' });
  });

  const withPolicy = (policy: string): string => site.config.replace('[policy]', `[policy]\n${policy}`);

  t.test('server away, fail secure: nobody enters', async t => {
    await site.server.stop();
    const daemon = await startDaemon(site.config);
    t.match(await byKey(), { status: 255, stdout: '' });
    const { status, output } = await byAnswer();
    t.equal(status, 255);
    t.match(output, /TRASA server cannot be reached/);
    for (const line of daemon.audit().filter(line => line['event'] === 'decision'))
      t.match(line, { decision: 'deny', reason: 'server-unavailable', door: door.door });
    await daemon.stop();
  });

  t.test('server away, fail safe: the first factor suffices, loudly', async t => {
    const daemon = await startDaemon(withPolicy('failMode = "safe"'));
    t.match(await byKey(), { status: 0, stdout: 'in\n' });
    const { status, output } = await byAnswer();
    t.equal(status, 0);
    t.match(output, /WARNING.*WITHOUT a second factor/);
    for (const line of daemon.audit().filter(line => line['event'] === 'decision'))
      t.match(line, { decision: 'bypass', reason: 'fail-safe', door: door.door });
    await daemon.stop();
  });

  t.test("server away: the original's offlineUsers enter, and nobody else", async t => {
    const daemon = await startDaemon(`offlineUsers = "bob"\n${site.config}`);
    t.match(await byKey('alice'), { status: 255 });
    t.match(await byKey('bob'), { status: 0, stdout: 'in\n' });
    t.match(await daemon.audited(line => line['account'] === 'bob'), { decision: 'bypass', reason: 'offline-user' });
    await daemon.stop();
  });

  t.test('a configuration that makes no sense lets nobody in', async t => {
    const daemon = await startDaemon('failMode = "safe"\n');
    t.match(await byKey(), { status: 255, stdout: '' });
    t.match((await byAnswer()).output, /two-factor configuration is missing or wrong/);
    await daemon.stop();
  });

  t.test('a socket that is gone lets nobody in', async t => {
    await run(['rm', '-rf', '/run/trasa-agent']);
    t.match(await byKey(), { status: 255, stdout: '' });
  });
}
