/** Whoever proves nothing first learns nothing, rings nobody, and sends nothing anywhere; at either door. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import t from 'tap';
import { startDaemon, startDevice } from '../helpers/e2e/agent.ts';
import { keyThenPam, needsDoor, type PamDoor, sshAsking, startPamSshd, writeStack } from '../helpers/e2e/pam.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { startSite } from '../helpers/e2e/site.ts';
import type { Sshd } from '../helpers/e2e/sshd.ts';
import { authorize } from '../helpers/e2e/users.ts';
import { startWiretap } from '../helpers/e2e/wiretap.ts';

const onlyPam = 'AuthenticationMethods keyboard-interactive:pam\nKbdInteractiveAuthentication yes\n';
const password = 'correct horse battery staple';

export async function strangersStories(door: PamDoor): Promise<void> {
  needsDoor(t, door);
  privateHost(t);
  const site = await startSite(['alice', 'bob'], '[identity]\ndomain = "example.com"\n');
  const wiretap = await startWiretap(site);
  const keyless = await startPamSshd({ extraConfig: onlyPam });
  const keyFirst = await startPamSshd({ extraConfig: keyThenPam });
  const byPassword = await startPamSshd({
    extraConfig: 'PasswordAuthentication yes\nAuthenticationMethods password\n',
  });
  const sshds = [keyless, keyFirst, byPassword];
  const { alice, bob } = site.members;
  execFileSync('chpasswd', ['-c', 'SHA256'], { input: `alice:${password}\nbob:${password}\n` });
  t.teardown(async () => {
    wiretap.stop();
    await Promise.all(sshds.map(async sshd => await sshd.stop()));
    await site.stop();
  });

  /** Answers all that is asked; returns what the terminal showed. */
  const answering = async (sshd: Sshd, user: string, answer: string, flags: readonly string[] = []) => {
    const terminal = sshAsking(sshd, user, ['echo in'], ['-o', 'NumberOfPasswordPrompts=2', ...flags]);
    for (;;) {
      const isAsked = await terminal.expect(/(?:[:?]|assword:) $/).then(
        () => true,
        () => false,
      );
      if (!isAsked) break;
      terminal.send(`${answer}\r`);
    }
    await terminal.ended();
    return terminal.output;
  };
  const nothingLeaked = (t: Tap, words: readonly string[]): void => {
    const logs = [site.daemon.process.stdout, site.server.process.stdout, ...sshds.map(sshd => sshd.log())];
    for (const word of words) for (const text of [wiretap.sent(), ...logs]) t.notOk(text.includes(word), word);
  };

  writeStack('sshd', { auth: door.auth });

  t.test(
    'an account that does not exist meets the same dialogue as one that does, and no server hears of it',
    async t => {
      const withoutNames = (output: string): string =>
        output.replace(/\[[0-9A-Z]{26}\]/g, '[id]').replaceAll(/\b(?:alice|nobody-here)\b/g, 'NAME');
      const [known, unknown] = [await answering(keyless, 'alice', ''), await answering(keyless, 'nobody-here', '')];
      t.equal(withoutNames(unknown), withoutNames(known), 'Enter');
      t.equal(wiretap.count('push'), 0, 'and no phone rings before a first factor');

      const code = alice.wrongCode();
      const [knownCode, unknownCode] = [
        await answering(keyless, 'alice', code),
        await answering(keyless, 'nobody-here', code),
      ];
      t.match(knownCode, /Wrong code/);
      t.equal(withoutNames(unknownCode), withoutNames(knownCode), 'a code');
      t.notMatch(wiretap.sent(), /nobody-here/);
      t.notMatch(known + unknown + knownCode + unknownCode, /^in\r$/m);
    },
  );

  t.test('what sshd answers in the place of root goes nowhere', async t => {
    const root = { name: 'root', uid: 0, gid: 0, home: '/root', shell: '/bin/bash' };
    mkdirSync('/root/.ssh', { recursive: true });
    authorize(root, keyFirst.publicKey);
    for (const sshd of [keyless, keyFirst]) {
      const output = await answering(sshd, 'root', '123456');
      t.notMatch(output, /^in\r$/m);
    }
    t.ok(site.daemon.audit().some(line => line['account'] === 'root' && line['decision'] === 'deny'));
    t.notMatch(wiretap.sent(), /"user":"root"|root@example/);
    nothingLeaked(t, ['INCORRECT']);
  });

  t.test("with sshd's password method, which answers by itself, the password goes nowhere", async t => {
    const pushes = wiretap.count('push');
    const output = await answering(byPassword, 'alice', password);
    t.notMatch(output, /^in\r$/m);
    t.equal(wiretap.count('push'), pushes);
    nothingLeaked(t, [password, 'horse', encodeURIComponent(password)]);
  });

  const { afterPassword } = door;
  if (afterPassword !== undefined)
    t.test('behind a password module, the right password sends a push and a wrong one does not', async t => {
      writeStack('sshd', { auth: ['requisite pam_unix.so', ...afterPassword] });
      const pushes = wiretap.count('push');
      t.notMatch(await answering(keyless, 'bob', 'wrong horse'), /^in\r$/m);
      t.equal(wiretap.count('push'), pushes);

      const device = startDevice(bob.device, ['--yes', '--once']);
      await device.printed(/Waiting for pushes/);
      t.match(await answering(keyless, 'bob', password), /^in\r$/m);
      t.equal(wiretap.count('push'), pushes + 1);
      await device.finished;
      nothingLeaked(t, [password, 'horse']);
    });

  t.test('with the server away, fail safe lets nobody in who would need nothing else', async t => {
    writeStack('sshd', { auth: door.auth });
    await site.server.stop();
    await site.daemon.stop();
    const safe = site.config.replace('[identity]', '[policy]\nfailMode = "safe"\n[identity]');
    const daemon = await startDaemon(`offlineUsers = "bob"\n${safe}`);
    for (const user of ['alice', 'bob']) {
      t.notMatch(await answering(keyless, user, '123456'), /^in\r$/m, user);
      const line = await daemon.audited(one => one['account'] === user);
      t.match(line, { decision: 'deny', reason: 'server-unavailable', detail: /no first factor/ });
    }
    authorize(alice.user, keyFirst.publicKey);
    t.match(await answering(keyFirst, 'alice', '123456'), /^in\r$/m, 'behind a key it does');

    if (afterPassword === undefined) {
      writeStack('sshd', { auth: ['requisite pam_unix.so', ...door.auth] });
      const terminal = sshAsking(keyless, 'alice', ['echo in']);
      await terminal.expect(/assword: $/);
      terminal.send(`${password}\r`);
      await terminal.expect(/Code: $/);
      terminal.send('123456\r');
      await terminal.ended();
      t.match(terminal.output, /^in\r$/m, 'and behind a password that the line does not speak of');
    }
    await daemon.stop();
  });
}

type Tap = Pick<typeof t, 'notOk'>;
