/** The sample lines for sshd, with the rest of its stack as each distribution has it. */
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { startDevice } from '../helpers/e2e/agent.ts';
import { keyThenPam, sshAsking, startPamSshd } from '../helpers/e2e/pam.ts';
import {
  asksCode,
  asksPassword,
  asksWhilePushing,
  installLines,
  installRhel9,
  linesOf,
  readSample,
  readShipped,
} from '../helpers/e2e/pam-samples.ts';
import { password, startSamplesSite } from '../helpers/e2e/pam-samples-site.ts';
import { ssh } from '../helpers/e2e/ssh.ts';
import type { Sshd } from '../helpers/e2e/sshd.ts';
import type { Terminal } from '../helpers/e2e/terminal.ts';
import { until } from '../helpers/e2e/until.ts';
import { authorize } from '../helpers/e2e/users.ts';

const { site, wiretap } = await startSamplesSite(t, ['alice', 'bob']);
installRhel9();
const shipped = { debian: readShipped('debian', 'sshd'), 'rhel-9': readShipped('rhel-9', 'sshd') };
const asking = await startPamSshd({ extraConfig: keyThenPam });
const keyAlone = await startPamSshd({ extraConfig: 'AuthenticationMethods publickey\n' });
const keyless = await startPamSshd({
  extraConfig: 'AuthenticationMethods keyboard-interactive:pam\nKbdInteractiveAuthentication yes\n',
});
const { alice, bob } = site.members;
for (const { user } of [alice, bob]) for (const { publicKey } of [asking, keyAlone]) authorize(user, publicKey);
const device = startDevice(bob.device, ['--yes']);
await device.printed(/Waiting for pushes/);
t.teardown(async () => {
  await device.stop();
  for (const sshd of [asking, keyAlone, keyless]) await sshd.stop();
});
const decision = async () => await site.daemon.audited(line => line['account'] === 'alice');

/** At the question for a code, of somebody who wants to run `id -un`. */
async function login(sshd: Sshd, name: string): Promise<Terminal> {
  const terminal = sshAsking(sshd, name, ['id -un']);
  await terminal.expect(asksCode);
  return terminal;
}

async function pushed(terminal: Terminal): Promise<void> {
  terminal.send('\r');
  await terminal.expect(asksWhilePushing);
  terminal.send('\r');
}

async function entered(terminal: Terminal, name: string): Promise<void> {
  await terminal.expect(new RegExp(`^${name}\r$`, 'm'));
  await terminal.ended();
}

async function givenUp(terminal: Terminal): Promise<void> {
  terminal.hangUp();
  await terminal.ended();
}

/** By a client that cannot be asked. */
const byKeyAlone = async () => await wiretap.counted(async () => await ssh(keyAlone, 'bob', ['id -un']));

for (const distribution of ['debian', 'rhel-9'] as const)
  t.test(distribution, async t => {
    const sample = readSample(distribution, 'sshd');
    installLines('sshd', sample, shipped[distribution]);

    t.test('the other lines are those that the distribution ships, but for what the comments say', async t => {
      const others = linesOf(sample).filter(line => !/pam_trasa\.so|acct_expired=die/.test(line));
      const expected = linesOf(shipped[distribution])
        .filter(line => !/^(?:@include common-auth|auth substack password-auth)$/.test(line))
        .map(line => line.replace('required pam_nologin.so', 'requisite pam_nologin.so'));
      t.strictSame(others, expected);
    });

    t.test('a key, then a code', async t => {
      const before = wiretap.count('push');
      const terminal = await login(asking, 'alice');
      terminal.send(`${alice.code()}\r`);
      await entered(terminal, 'alice');
      t.match(await decision(), { decision: 'allow', factor: 'totp', service: 'sshd', key: /^SHA256:/ });
      t.equal(wiretap.count('push'), before, 'and the account line asks for no second one');
    });

    t.test('a key, then a wrong code', async t => {
      const terminal = await login(asking, 'alice');
      terminal.send(`${alice.wrongCode()}\r`);
      await terminal.expect(/Wrong code/);
      await givenUp(terminal);
      t.match(await decision(), { decision: 'deny' });
    });

    t.test('a key, then a push', async t => {
      const before = wiretap.count('push');
      const terminal = await login(asking, 'bob');
      await pushed(terminal);
      await entered(terminal, 'bob');
      t.equal(wiretap.count('push') - before, 1);
    });

    t.test('a key alone waits for a push', async t => {
      t.match(await byKeyAlone(), { status: 0, stdout: 'bob\n', stderr: '', pushes: 1 });
    });

    t.test('who may not log in now rings no phone', async t => {
      const refusal = { status: 255, stdout: '', pushes: 0 };
      execFileSync('chage', ['-E', '0', 'bob']);
      t.match(await byKeyAlone(), refusal, 'an account that has expired');
      execFileSync('chage', ['-E', '-1', 'bob']);
      writeFileSync('/etc/nologin', 'Back at noon.\n');
      t.match(await byKeyAlone(), refusal, 'nologin');
      rmSync('/etc/nologin');
    });

    t.test('an expired password is no way around the second factor', async t => {
      execFileSync('chage', ['-d', '0', 'bob']);
      t.match(await byKeyAlone(), { status: 1, stdout: '', stderr: /[Pp]assword change required/, pushes: 1 });
      execFileSync('chage', ['-d', '19000', 'bob']);
    });
  });

t.test("Debian's other lines: a password, then the second factor", async t => {
  const sample = readSample('debian', 'sshd');
  // As the comment says: the one line above away, the two below in its place.
  const other = sample.replace(/^auth .*pam_trasa\.so$/m, '').replaceAll(/^#(@include|auth )/gm, '$1');
  t.strictSame(linesOf(other).slice(0, 2), ['@include common-auth', 'auth required pam_trasa.so first=password']);
  installLines('sshd', other, shipped.debian);

  const sent = wiretap.sent().length;
  const decisions = site.daemon.audit().length;
  const wrong = sshAsking(keyless, 'bob', ['id -un']);
  await wrong.expect(asksPassword);
  wrong.send('wrong horse\r');
  await wrong.expect(asksPassword); // once more, and nothing else
  await givenUp(wrong);
  t.strictSame([wiretap.sent().length, site.daemon.audit().length], [sent, decisions], 'a wrong password stays here');

  const right = sshAsking(keyless, 'bob', ['id -un']);
  await right.expect(asksPassword);
  right.send(`${password}\r`);
  await right.expect(asksCode);
  await pushed(right);
  await entered(right, 'bob');
  const line = await until('a decision', () => site.daemon.audit()[decisions]);
  t.match(line, { account: 'bob', decision: 'allow', factor: 'push' });
});
