/** Break-glass: prepared while all is well, and used while the server, a key, a disk or the database is not. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, chownSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { during, startDaemon, writeConfig } from '../helpers/e2e/agent.ts';
import { run } from '../helpers/e2e/background.ts';
import { codeOf, enrolOffline, recoveryCodes } from '../helpers/e2e/offline.ts';
import {
  hook,
  keyThenPam,
  module,
  needsDoor,
  type PamDoor,
  sshAsking,
  startPamSshd,
  writeStack,
} from '../helpers/e2e/pam.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import { startSite } from '../helpers/e2e/site.ts';
import { ssh, sshTerminal } from '../helpers/e2e/ssh.ts';
import { Terminal } from '../helpers/e2e/terminal.ts';
import { authorize } from '../helpers/e2e/users.ts';

needsDoor(t, module);
privateHost(t);

const state = '/var/lib/trasa-agent';
const site = await startSite(['alice', 'bob', 'carol']);
const pamSshd = await startPamSshd({ extraConfig: keyThenPam });
for (const { user } of Object.values(site.members)) authorize(user, pamSshd.publicKey);
t.teardown(async () => {
  await Promise.all([pamSshd.stop(), site.sshd.stop()]);
  await site.server.stop();
});
const prompt = 'Code, or Enter for push: ';
const isDecision = (line: Record<string, unknown>): boolean => line['event'] === 'decision';

/** Logs in by key and terminal, types each answer at a prompt, and says `in` if there is a shell. */
async function login(user: string, ...answers: string[]): Promise<{ output: string; exitCode: number }> {
  const terminal = sshTerminal(site.sshd, user, ['echo in']);
  for (const answer of answers) {
    await terminal.expect(prompt);
    terminal.send(`${answer}\r`);
  }
  const { exitCode } = await terminal.ended();
  return { output: terminal.output, exitCode };
}

/** The same through PAM. */
async function pamLogin(door: PamDoor, user: string, answer: string, refusedWith?: RegExp) {
  writeStack('sshd', { auth: door.auth });
  const terminal = sshAsking(pamSshd, user, ['echo in'], ['-o', 'NumberOfPasswordPrompts=1']);
  await terminal.expect(door.prompt);
  terminal.send(`${answer}\r`);
  if (refusedWith !== undefined) await terminal.expect(refusedWith).then(() => terminal.hangUp());
  const { exitCode } = await terminal.ended();
  return { output: terminal.output, exitCode };
}

const offlineCode = await enrolOffline('alice');
const alices = await recoveryCodes('alice');
const bobs = await recoveryCodes('bob');
const take = (codes: string[]): string => codes.shift() ?? '';

t.test("all of it is the daemon user's, and nobody else can read it", async t => {
  const { uid, gid } = statSync(state);
  t.not(uid, 0);
  for (const file of readdirSync(state).filter(name => name.startsWith('offline')))
    t.match(statSync(join(state, file)), { uid, gid, mode: 0o100600 }, file);
});

t.test('who enrols sees a QR code, and types a code of it', async t => {
  const terminal = new Terminal([agent, 'offline', 'enrol', 'carol', '--days', '7'], { cols: 200, rows: 60 });
  const [, secret = ''] = await terminal.expect(/Secret: ([A-Z2-7]{32})/);
  await terminal.expect('Code that the authenticator shows: ');
  terminal.send('000000\r');
  await terminal.expect('That is not the code of now. Another: ');
  terminal.send(`${codeOf(secret, Date.now())}\r`);
  await terminal.expect(/enrolled carol until 20\S+Z/);
  t.match(await terminal.ended(), { exitCode: 0 });
  t.match((await run([agent, 'offline', 'status'])).stdout, /^carol\toffline-totp\t-\tuntil \S+\tnever used$/m);
});

t.test('while the server answers a recovery code opens nothing, and stays good', async t => {
  const { output, exitCode } = await login('bob', bobs[0] ?? '', site.members.bob.code());
  t.equal(exitCode, 0, 'a code does');
  t.match(output, /The TRASA server answers, so no recovery code counts; yours is not used up/);
  t.notMatch(output, /WARNING/);
});

t.test('the server refuses our key, or is not the one that we trust: break-glass works', async t => {
  await site.daemon.stop();
  for (const [config, reason] of [
    [site.config.replace(/serviceKey = ".*"/, 'serviceKey = "wrong"'), /^credentials: /],
    [
      site.config.replace(/pins = .*/, `pins = ["sha256//${'A'.repeat(43)}="]`).replace(/caFile = .*/, ''),
      /^tls: .*certificate matches no pin/,
    ],
  ] as const)
    await during(config, async daemon => {
      t.equal((await login('bob', take(bobs))).exitCode, 0);
      t.match(await daemon.audited(isDecision), { factor: 'recovery-code', detail: reason });
    });
});

t.test('nobody prepares what the server does not confirm, unless forced to, with a warning', async t => {
  const refused = await run([agent, 'offline', 'codes', 'nobody-here']);
  t.match(refused, { status: 1, stderr: /there is no account nobody-here/ });
  t.match(await run([agent, 'offline', 'codes', 'bob'], { uid: 1 }), { status: 78 }, 'it is for root');
  await site.server.stop();
  t.match(await run([agent, 'offline', 'codes', 'carol']), { status: 69, stdout: '', stderr: /--force/ });
  const forced = await run([agent, 'offline', 'codes', 'carol', '--force', '--count', '1']);
  t.match(forced, { status: 0, stderr: /^WARNING: the server does not confirm this host/, stdout: /^rc-\S{17}\n$/ });
});

t.test('the server is down', async t => {
  const daemon = await startDaemon(site.config);
  t.teardown(async () => void (await daemon.stop()));
  t.test('an offline code lets in, loudly, and once', async t => {
    const code = offlineCode(Date.now());
    const { output, exitCode } = await login('alice', code);
    t.equal(exitCode, 0);
    t.match(output, /WARNING: the TRASA server cannot be asked\. You came in by an offline code/);
    t.match(await daemon.audited(isDecision), {
      decision: 'allow',
      factor: 'offline-totp',
      reason: 'offline-totp',
      detail: /^unreachable: /,
    });
    t.match(
      daemon.process.stdout,
      /"level":"warning","text":"BREAK-GLASS: .*"account":"alice","factor":"offline-totp"/,
    );
    const again = await login('alice', code, code, code);
    t.match(again.output, /used already/);
    t.not(again.exitCode, 0);
  });

  t.test('a recovery code lets in, and says how many are left', async t => {
    const { output, exitCode } = await login('alice', '', alices[0] ?? '');
    t.equal(exitCode, 0);
    t.match(output, /cannot be asked now\. Type an offline code of this host, or a recovery code\./, 'after Enter');
    t.match(output, /9 are left/);
    t.match((await login('alice', alices[0] ?? '', take(alices), '')).output, /used already/);
  });

  t.test('an offline code of another hour is wrong, and a recovery code is not', async t => {
    const { output, exitCode } = await login('alice', offlineCode(Date.now() + 3_600_000), take(alices));
    t.equal(exitCode, 0);
    t.match(output, /If this host's clock is wrong, only a recovery code counts/);
  });

  t.test('whoever has nothing prepared is denied at once', async t => {
    t.match(await run([agent, 'offline', 'revoke', 'carol']), { status: 0, stdout: 'revoked all of carol\n' });
    const { output, exitCode } = await login('carol', site.members.carol.wrongCode());
    t.equal(exitCode, 69);
    t.match(output, /TRASA server cannot be reached/);
  });

  for (const door of [module, hook])
    t.test(`through PAM (${door.door})`, async t => {
      const { output, exitCode } = await pamLogin(door, 'bob', take(bobs));
      t.equal(exitCode, 0);
      t.match(output, /WARNING: the TRASA server cannot be asked/);
      t.match(await daemon.audited(line => isDecision(line) && line['account'] === 'bob'), {
        door: door.door,
        factor: 'recovery-code',
        decision: 'allow',
      });
    });

  t.test('without a terminal nobody is asked', async t => {
    t.match(await ssh(site.sshd, 'alice', ['echo in']), { status: 69, stdout: '' });
  });
});

t.test('what was used is used after a restart, and status tells', async t => {
  const used = take(bobs);
  await during(site.config, async () => t.equal((await login('bob', used)).exitCode, 0));
  await during(site.config, async () => t.match((await login('bob', used, take(bobs))).output, /used already/));
  const { stdout } = await run([agent, 'offline', 'status']);
  t.match(stdout, /^alice\toffline-totp\t-\tuntil \S+\tused \S+Z\nalice\trecovery-code\t\d left\t/);
  t.match(stdout, /^bob\trecovery-code\t4 left\tuntil \S+\tused /m);
});

t.test('an agent that is started for one login takes them too, but not without its state', async t => {
  writeConfig(site.config);
  const agentOnce = { ...module, auth: [`${module.auth[0]} agent=${agent}`] };
  const code = take(bobs);
  t.equal((await pamLogin(agentOnce, 'bob', code)).exitCode, 0);
  const again = await pamLogin(agentOnce, 'bob', code, /used already/);
  t.notMatch(again.output, /WARNING/);
  execFileSync('mount', ['--bind', state, state]);
  t.teardown(() => execFileSync('umount', [state]));
  execFileSync('mount', ['-o', 'remount,bind,ro', state]);
  writeStack('sshd', { auth: agentOnce.auth });
  const terminal = sshAsking(pamSshd, 'bob', ['echo in'], ['-o', 'NumberOfPasswordPrompts=1']);
  await terminal.expect(/cannot read or write its state/);
  await terminal.ended();
  t.notMatch(terminal.output, /Code, or Enter/, 'a memory that ends with the login would count no guesses');
});

t.test('a key file that is lost: no configuration, and break-glass works', async t => {
  const lost = site.config.replace(/serviceKey = ".*"/, 'serviceKeyFile = "/etc/trasa/lost.key"');
  await during(lost, async daemon => {
    t.match(daemon.process.stdout, /serviceKeyFile \/etc\/trasa\/lost\.key does not exist/);
    const { output, exitCode } = await login('alice', site.members.alice.wrongCode(), take(alices));
    t.equal(exitCode, 0, output);
    t.match(await daemon.audited(isDecision), { factor: 'recovery-code', detail: /^configuration: / });
    const other = await login('carol', site.members.carol.wrongCode());
    t.equal(other.exitCode, 78);
    t.match(other.output, /two-factor configuration is missing or wrong/);
  });
});

t.test('the database is damaged: nothing but break-glass opens', async t => {
  const { uid, gid } = statSync(state);
  for (const name of readdirSync(state).filter(name => name.startsWith('logins.db'))) rmSync(join(state, name));
  writeFileSync(join(state, 'logins.db'), 'garbage '.repeat(1_000), { mode: 0o600 });
  chownSync(join(state, 'logins.db'), uid, gid);
  await during(site.config, async () => {
    const { output, exitCode } = await login('alice', take(alices));
    t.equal(exitCode, 0, output);
    t.match(output, /cannot read or write its state\. Tell your administrator\. What was prepared/);
    t.equal((await login('carol', site.members.carol.wrongCode())).exitCode, 69);
  });
  rmSync(join(state, 'logins.db'));
});

t.test('/var is read-only: break-glass works, and what was used is known until the daemon ends', async t => {
  execFileSync('mount', ['--bind', state, state]);
  t.teardown(() => execFileSync('umount', [state]));
  execFileSync('mount', ['-o', 'remount,bind,ro', state]);
  await during(site.config, async daemon => {
    const code = take(alices);
    t.equal((await login('alice', code)).exitCode, 0);
    t.match(daemon.process.stdout, /offline\.used: EROFS.*known only until the daemon ends/);
    t.match((await login('alice', code, take(alices))).output, /used already/);
  });
});

t.test('the disk is full: break-glass works, unrecorded if need be, and all heals by itself', async t => {
  const { uid, gid } = statSync(state);
  const kept = '/root/state';
  execFileSync('cp', ['-a', state, kept]);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=512k,mode=700,uid=${uid},gid=${gid}`, 'tmpfs', state]);
  t.teardown(() => execFileSync('umount', [state]));
  execFileSync('cp', ['-a', `${kept}/.`, state]);
  const sections = `[daemon]\nauditFile = "${state}/audit.log"\n[login]\nrecord = true\n`;
  await during(site.config.replace('[identity.people]', `${sections}$&`), async daemon => {
    fill(join(state, 'full'));
    const code = take(bobs);
    const { output, exitCode } = await login('bob', code, code);
    t.equal(exitCode, 0, output);
    t.match(output, /cannot read or write its state/, 'told after the first answer, which nobody can count any more');
    t.match(daemon.process.stdout, /BREAK-GLASS: the session is not recorded/);
    t.match(await daemon.audited(isDecision), { detail: /not in the audit file: .*ENOSPC/ });
    t.match(await login('bob', take(bobs)), { exitCode: 0 }, 'the next login knows it before it asks');
    t.equal((await login('carol', site.members.carol.wrongCode())).exitCode, 69);
    rmSync(join(state, 'full'));
    t.match((await login('carol', site.members.carol.wrongCode())).output, /TRASA server cannot be reached/);
  });
});

t.test('what is revoked opens nothing, at once', async t => {
  await during(site.config, async () => {
    t.equal((await login('alice', take(alices))).exitCode, 0);
    t.match(await run([agent, 'offline', 'revoke', 'alice', '--codes']), { status: 0 });
    t.match((await login('alice', take(alices), '', '')).output, /Type an offline code of this host\./);
  });
});

t.test('wrong recovery codes hold the account off', async t => {
  const wrong = 'rc-00000-00000-00000';
  await during(site.config, async () => {
    await login('bob', wrong, wrong, wrong);
    t.match((await login('bob', wrong, wrong, wrong)).output, /Too many wrong codes/);
  });
});

/** Writes until nothing more fits. */
function fill(path: string): void {
  for (const size of [65_536, 4_096, 1]) {
    try {
      for (;;) appendFileSync(path, Buffer.alloc(size));
    } catch {
      // full for pieces of this size
    }
  }
}
