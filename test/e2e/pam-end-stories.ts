/** Logins that end while their push waits: nobody's device rings on, and nothing stays behind, at either door. */
import t from 'tap';
import { Background } from '../helpers/e2e/background.ts';
import {
  keyThenPam,
  needsDoor,
  type PamDoor,
  sshAsking,
  startPamSshd,
  waitingLogins,
  writeStack,
} from '../helpers/e2e/pam.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import { type Member, startSite } from '../helpers/e2e/site.ts';
import { ssh } from '../helpers/e2e/ssh.ts';
import type { Sshd } from '../helpers/e2e/sshd.ts';
import { Terminal } from '../helpers/e2e/terminal.ts';
import { until } from '../helpers/e2e/until.ts';
import { authorize } from '../helpers/e2e/users.ts';
import { startWiretap } from '../helpers/e2e/wiretap.ts';

/** Time enough to get to the push, on a busy machine too. */
const graceSeconds = 10;

export async function endStories(door: PamDoor): Promise<void> {
  needsDoor(t, door);
  privateHost(t);
  const site = await startSite(['alice', 'bob', 'carol', 'dave', 'erin', 'frank']);
  const wiretap = await startWiretap(site);
  const grace = `LoginGraceTime ${graceSeconds}\n`;
  const [asking, silent, askingBriefly, silentBriefly] = await Promise.all(
    [keyThenPam, '', `${keyThenPam}${grace}`, grace].map(async extraConfig => await startPamSshd({ extraConfig })),
  );
  if (asking === undefined || silent === undefined || askingBriefly === undefined || silentBriefly === undefined)
    throw new Error('no sshd');
  const sshds = [asking, silent, askingBriefly, silentBriefly];
  for (const { user } of Object.values(site.members)) for (const { publicKey } of sshds) authorize(user, publicKey);
  const { alice, bob, carol, dave, erin, frank } = site.members;
  t.teardown(async () => {
    wiretap.stop();
    await Promise.all(sshds.map(async sshd => await sshd.stop()));
    await site.stop();
  });

  /** A login whose push is on the person's device now. */
  const pushing = async (start: () => Promise<void>, member: Member): Promise<Terminal> => {
    const device = new Terminal([agent, 'server', 'approve', '--device', member.device]);
    await device.expect(/Waiting for pushes/);
    await start();
    await device.expect(/Let in/);
    return device;
  };
  const pushByAnswer = async (sshd: Sshd, member: Member) => {
    writeStack('sshd', { auth: door.auth });
    let client: Terminal | undefined;
    const device = await pushing(async () => {
      client = sshAsking(sshd, member.user.name, ['echo in']);
      await client.expect(door.prompt);
      client.send('\r');
      if (!door.asksWhilePushing) return;
      await client.expect(/press Enter, or type a code: /);
      client.send('\r');
    }, member);
    return { device, output: () => client?.output ?? '', kill: () => client?.hangUp() };
  };
  const pushByKey = async (sshd: Sshd, member: Member) => {
    writeStack('sshd', { account: door.account });
    let client: Background | undefined;
    const device = await pushing(async () => {
      client = new Background(['ssh', '-F', sshd.configFile, `${member.user.name}@target`, 'echo in']);
    }, member);
    return { device, output: () => client?.stdout ?? '', kill: () => void client?.child.kill('SIGKILL') };
  };

  const goneFrom = async (t: Tap, device: Terminal, { user }: Member, reasons: RegExp): Promise<void> => {
    await device.expect(/withdrawn|cancelled|gone|given up/i);
    device.hangUp();
    await device.ended();
    const line = await site.daemon.audited(one => one['account'] === user.name && one['event'] === 'decision');
    t.match(line, { decision: 'deny', reason: reasons });
    await until(
      () => `no process of the login; there are ${waitingLogins().join(', ')}`,
      () => waitingLogins().length === 0,
    );
  };

  t.test('a client that disconnects takes its push along, in the auth phase', async t => {
    const { device, kill } = await pushByAnswer(asking, alice);
    kill();
    await goneFrom(t, device, alice, /disconnected|cancelled/);
  });

  t.test('and in the account phase', async t => {
    const { device, kill } = await pushByKey(silent, bob);
    kill();
    await goneFrom(t, device, bob, /disconnected|cancelled/);
  });

  t.test('LoginGraceTime ends the login and its push, in both phases', async t => {
    const first = await pushByAnswer(askingBriefly, carol);
    const second = await pushByKey(silentBriefly, dave);
    await Promise.all([
      goneFrom(t, first.device, carol, /disconnected|cancelled/),
      goneFrom(t, second.device, dave, /disconnected|cancelled/),
    ]);
    for (const { output } of [first, second]) t.notMatch(output(), /^in$/m);
  });

  t.test('a daemon that restarts in the middle of a login denies it, and serves the next', async t => {
    const first = await pushByAnswer(asking, erin);
    const second = await pushByKey(silent, frank);
    const old = site.daemon;
    await site.restartDaemon();
    for (const { device } of [first, second]) {
      await device.expect(/withdrawn|cancelled|gone|given up/i);
      device.hangUp();
      await device.ended();
    }
    const reasons = old.audit().filter(line => ['erin', 'frank'].includes(String(line['account'])));
    t.match(reasons, [{ reason: 'shutting-down' }, { reason: 'shutting-down' }]);
    for (const { output } of [first, second]) t.notMatch(output(), /^in$/m);
    first.kill(); // it was asked again
    await until('no process of the login', () => waitingLogins().length === 0);

    writeStack('sshd', { account: door.account });
    const device = new Background([agent, 'server', 'approve', '--device', frank.device, '--yes', '--once']);
    await device.printed(/Waiting for pushes/);
    t.match(await ssh(silent, 'frank', ['echo in']), { status: 0, stdout: 'in\n' });
    await device.finished;
  });
}

type Tap = Pick<typeof t, 'match'>;
