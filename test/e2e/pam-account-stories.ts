/** Logins by key alone, of programs that can be asked nothing: all of them wait for one push, at either door. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { startDevice } from '../helpers/e2e/agent.ts';
import { Background, run } from '../helpers/e2e/background.ts';
import { needsDoor, type PamDoor, writeStack } from '../helpers/e2e/pam.ts';
import { startPamSite } from '../helpers/e2e/pam-site.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { copy, ssh } from '../helpers/e2e/ssh.ts';
import { until } from '../helpers/e2e/until.ts';
import { freePort } from '../helpers/free-port.ts';

export async function accountStories(door: PamDoor): Promise<void> {
  needsDoor(t, door);
  privateHost(t);
  writeStack('sshd', { account: door.account });
  const { site, wiretap, sshd } = await startPamSite(t, ['alice', 'bob', 'carol']);
  const { alice, bob, carol } = site.members;
  const device = startDevice(alice.device, ['--yes']);
  await device.printed(/Waiting for pushes/);
  t.teardown(async () => void (await device.stop()));

  const here = '/root/transfer';
  mkdirSync(here);
  const sent = randomBytes(1_000_000);
  writeFileSync(join(here, 'sent'), sent);
  const arrived = (name: string): boolean =>
    existsSync(join(here, name)) && readFileSync(join(here, name)).equals(sent);

  const { counted } = wiretap;
  const clean = { status: 0, stdout: '', stderr: '', pushes: 1 };

  t.test('ssh runs its command with its input and its status, and says nothing else', async t => {
    const command = async () => await ssh(sshd, 'alice', ['cat; exit 9'], { input: 'what was piped in\n' });
    t.match(await counted(command), { status: 9, stdout: 'what was piped in\n', stderr: '', pushes: 1 });
    const line = await site.daemon.audited(line => line['event'] === 'decision');
    t.match(line, { decision: 'allow', factor: 'push', door: door.door, service: 'sshd', client: '127.0.0.1' });
  });

  for (const [how, flags] of [
    ['scp over sftp', []],
    ['scp in its own protocol', ['-O']],
  ] as const)
    t.test(how, async t => {
      const name = `by ${how}`.replaceAll(' ', '-');
      const up = await counted(async () => await copy(sshd, 'scp', [...flags, `${here}/sent`, `alice@target:${name}`]));
      t.match({ ...up, stdout: '' }, clean); // scp's own meter
      const down = await counted(async () => await copy(sshd, 'scp', [...flags, `alice@target:${name}`, here]));
      t.match({ ...down, stdout: '' }, clean);
      t.ok(arrived(name));
    });

  t.test('sftp in batch mode', async t => {
    writeFileSync(join(here, 'batch'), `put ${here}/sent batched\nget batched ${here}/batched\n`);
    const { status, stderr, pushes } = await counted(
      async () => await copy(sshd, 'sftp', ['-b', join(here, 'batch'), 'alice@target']),
    );
    t.strictSame([status, stderr, pushes], [0, '', 1]);
    t.ok(arrived('batched'));
  });

  t.test('rsync', async t => {
    const rsync = async (from: string, to: string) =>
      await counted(async () => await run(['rsync', '-a', '-e', `ssh -F ${sshd.configFile}`, from, to]));
    t.match(await rsync(join(here, 'sent'), 'alice@target:synced'), clean);
    t.match(await rsync('alice@target:synced', join(here, 'synced')), clean);
    t.ok(arrived('synced'));
  });

  t.test('git', async t => {
    const made = await ssh(sshd, 'alice', [
      'git init -q -b main r && git -C r -c user.name=m -c user.email=m@e commit -q --allow-empty -m first',
    ]);
    t.equal(made.status, 0, made.stderr);
    const env = { GIT_SSH_COMMAND: `ssh -F ${sshd.configFile}`, HOME: here };
    const clone = ['git', 'clone', '-q', 'alice@target:r', join(here, 'clone')] as const;
    t.match(await counted(async () => await run([...clone], { env })), clean);
    t.ok(existsSync(join(here, 'clone/.git')));
  });

  t.test('a forwarding without a session stays shut until the push is approved', async t => {
    const port = await freePort();
    const forwarding = new Background([
      'ssh',
      '-F',
      sshd.configFile,
      '-N',
      '-o',
      'ExitOnForwardFailure=yes',
      '-L',
      `127.0.0.1:${port}:127.0.0.1:${sshd.port}`,
      'bob@target',
    ]);
    await until('the push', () => /"account":"bob"/.test(wiretap.sent()) || /bob@example\.com/.test(wiretap.sent()));
    t.equal(await reach(port), undefined, 'not yet');
    const phone = startDevice(bob.device, ['--yes', '--once']);
    t.match(await until('the forwarding', async () => await reach(port)), /^SSH-2\.0-OpenSSH/);
    await phone.finished;
    t.strictSame([forwarding.stdout, forwarding.stderr], ['', '']);
    await forwarding.stop();
  });

  t.test('further sessions of one connection cost nothing', async t => {
    const control = ['-o', 'ControlPath=/root/control', '-o', 'ControlMaster=auto', '-o', 'ControlPersist=30'];
    const session = async () =>
      await counted(async () => await run(['ssh', '-F', sshd.configFile, ...control, 'alice@target', 'echo in']));
    t.match(await session(), { status: 0, stdout: 'in\n', pushes: 1 });
    for (let i = 0; i < 3; i++) t.match(await session(), { status: 0, stdout: 'in\n', pushes: 0 });
    await run(['ssh', '-F', sshd.configFile, ...control, '-O', 'exit', 'alice@target']);
  });

  t.test('refused, they end with one push and a clear reason in the log', async t => {
    const phone = startDevice(carol.device, ['--no']);
    await phone.printed(/Waiting for pushes/);
    t.match(await counted(async () => await ssh(sshd, 'carol', ['echo in'])), { status: 255, stdout: '', pushes: 1 });
    t.match(await site.daemon.audited(line => line['account'] === 'carol'), {
      decision: 'deny',
      reason: 'push-refused',
      door: door.door,
    });
    await sshd.process.printed(/Access denied for user carol by PAM account configuration/);
    const again = await counted(async () => await copy(sshd, 'sftp', ['-b', join(here, 'batch'), 'carol@target']));
    t.equal(again.pushes, 0, 'nor is another sent for a while');
    t.not(again.status, 0);
    await phone.stop();
  });
}

/** What is at the other end of a port; undefined if nothing is. */
async function reach(port: number): Promise<string | undefined> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.setTimeout(500, () => socket.destroy());
  socket.once('data', () => socket.end());
  const said = await text(socket).catch(() => '');
  return said === '' ? undefined : said;
}
