/** Every door is set up from nothing by `trasa-agent setup`, used by a real client, confirmed, and taken out again. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { configFile, startDevice } from '../helpers/e2e/agent.ts';
import { run } from '../helpers/e2e/background.ts';
import { module, needsDoor, sshAsking } from '../helpers/e2e/pam.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import { dropIn, files, pamFile, startSetupHost } from '../helpers/e2e/setup-host.ts';
import { Terminal } from '../helpers/e2e/terminal.ts';

needsDoor(t, module);
privateHost(t);

const names = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank'] as const;
type Name = (typeof names)[number];
const host = await startSetupHost(names);
t.teardown(async () => await host.stop());
const { sshd, daemon, members } = host;
const confirmation = `sudo ${agent} setup --confirm`;

interface Case {
  readonly title: string;
  readonly name: Name;
  readonly flags: readonly string[];
  /** What a person is asked, and answers; a function is called when it is asked. */
  readonly byCode?: readonly (readonly [RegExp, string | (() => string)])[];
  readonly byPush?: readonly (readonly [RegExp, string])[];
  readonly door: string;
}

const password = 'correct horse';
const push = [/Approve it on your device, .*: $/, ''] as const;

const cases: readonly Case[] = [
  {
    title: 'the module, after a key',
    name: 'alice',
    flags: ['--door', 'pam', '--first-factor', 'key'],
    byCode: [[/Code, or Enter for push: $/, () => members.alice.code()]],
    byPush: [[/Code, or Enter for push: $/, ''], push],
    door: 'pam',
  },
  {
    title: 'the module, after a password, for one user',
    name: 'bob',
    flags: ['--door', 'pam', '--first-factor', 'password', '--user', 'bob'],
    byCode: [
      [/assword: $/, password],
      [/Code, or Enter for push: $/, () => members.bob.code()],
    ],
    byPush: [[/assword: $/, password], [/Code, or Enter for push: $/, ''], push],
    door: 'pam',
  },
  {
    title: 'the module, after whatever there is',
    name: 'carol',
    flags: ['--door', 'pam', '--first-factor', 'any', '--group', 'carol'],
    byPush: [],
    door: 'pam',
  },
  {
    title: 'the module, after a key, for one group',
    name: 'frank',
    flags: ['--door', 'pam', '--first-factor', 'key', '--group', 'frank'],
    byCode: [[/Code, or Enter for push: $/, () => members.frank.code()]],
    byPush: [[/Code, or Enter for push: $/, ''], push],
    door: 'pam',
  },
  {
    title: 'pam_exec, after a key',
    name: 'dave',
    flags: ['--door', 'pam-exec', '--first-factor', 'key'],
    byCode: [[/assword: $/, () => members.dave.code()]],
    byPush: [[/assword: $/, '']],
    door: 'pam-exec',
  },
  {
    title: 'a forced command, for one group',
    name: 'erin',
    flags: ['--door', 'force-command', '--group', 'erin'],
    byCode: [[/Code, or Enter for push: $/, () => members.erin.code()]],
    byPush: [[/Code, or Enter for push: $/, '']],
    door: 'login',
  },
];

const decision = async (account: Name) => await daemon.audited(line => line['account'] === account);

/** Logs in at a terminal; the terminal afterwards, at a shell's prompt. */
async function enter(name: Name, dialogue: NonNullable<Case['byCode']>, withPassword: boolean): Promise<Terminal> {
  const flags = withPassword ? ['-o', 'PubkeyAuthentication=no'] : [];
  const terminal = sshAsking(sshd, name, [], ['-tt', ...flags]);
  for (const [question, answer] of dialogue) {
    await terminal.expect(question);
    terminal.send(`${typeof answer === 'string' ? answer : answer()}\r`);
  }
  await terminal.expect(/\$ $/);
  return terminal;
}

for (const { title, name, flags, byCode, byPush, door } of cases)
  t.test(title, async t => {
    const withPassword = flags.includes('password');
    const { user, device } = members[name];
    if (withPassword) setPassword(user.name);
    const before = files();
    const older = new Terminal(['ssh', '-F', sshd.configFile, '-tt', `${name}@target`]);
    await older.expect(/\$ $/);

    const done = await host.setup(flags);
    t.equal(done.stderr, '');
    t.match(done.stdout, /setup --confirm/);
    t.equal(done.status, 0);
    t.equal(statSync(configFile).mode & 0o777, 0o640);

    if (byCode !== undefined) {
      const terminal = await enter(name, byCode, withPassword);
      terminal.send('exit\r');
      await terminal.ended();
      t.match(await decision(name), { decision: 'allow', reason: 'totp', door });
    }

    t.match(
      JSON.parse((await run([agent, 'doctor', '--json'])).stdout),
      { count: { hole: 0, breakage: 0 } },
      'a doctor',
    );
    if (flags.includes('--group') || flags.includes('--user')) await othersAreNotAsked(t, flags);

    t.match(await run([agent, 'setup', '--confirm']), { status: 77, stderr: /does not come from sshd/ });
    older.send(`${confirmation}; exit\r`);
    await older.expect(/this connection is older than the change/);
    await older.ended();

    if (byPush !== undefined) {
      const phone = startDevice(device, ['--yes', '--once']);
      await phone.printed(/Waiting for pushes/);
      const terminal = await enter(name, byPush, withPassword);
      await phone.finished;
      t.match(await decision(name), { decision: 'allow', reason: 'push', door });
      terminal.send(`${confirmation}; exit\r`);
      await terminal.expect(/Confirmed: it stays/);
      await terminal.ended();
    }
    t.match(await run([agent, 'setup', '--status']), { stdout: 'Nothing waits for a confirmation.\n' });
    t.match(await run([agent, 'setup', '--revert']), { stdout: 'There is nothing to undo.\n', status: 0 });

    t.match(await host.setup(flags), { status: 0, stdout: /nothing was changed/ });

    t.match(await run([agent, 'setup', '--remove']), { status: 0, stderr: '' });
    const after = files();
    for (const file of [pamFile, '/etc/ssh/sshd_config']) t.equal(after[file], before[file], `${file} is as it was`);
    t.notOk(existsSync(dropIn));
    const plain = await run(['ssh', '-F', sshd.configFile, `${name}@target`, 'echo in']);
    t.match(plain, { status: 0, stdout: 'in\n' }, 'a login as before');
  });

/** alice, who is not meant: by her key, and in no other way. */
async function othersAreNotAsked(t: Test, flags: readonly string[]): Promise<void> {
  const ssh = ['ssh', '-F', sshd.configFile, '-o', 'NumberOfPasswordPrompts=1'] as const;
  t.match(await run([...ssh, '-o', 'BatchMode=yes', 'alice@target', 'echo in']), { status: 0, stdout: 'in\n' });
  if (!flags.includes('key')) return;
  for (const method of ['password', 'keyboard-interactive']) {
    const terminal = new Terminal([
      ...ssh,
      '-o',
      `PreferredAuthentications=${method}`,
      'alice@target',
      'echo has entered',
    ]);
    terminal.send('anything\r');
    t.match(await terminal.ended(), { exitCode: 255 }, method);
    t.notMatch(terminal.output, /has entered/);
  }
}

function setPassword(name: string): void {
  const hashed = execFileSync('openssl', ['passwd', '-6', password], { encoding: 'utf8' }).trim();
  const shadow = readFileSync('/etc/shadow', 'utf8').replace(
    new RegExp(`^${name}:\\*:`, 'm'),
    () => `${name}:${hashed}:`,
  );
  writeFileSync('/etc/shadow', shadow);
}
