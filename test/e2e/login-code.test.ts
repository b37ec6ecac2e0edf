/** A person at a terminal types a code: through a real ssh, a real sshd, the packaged binary, and the embedded server. */
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { startSite } from '../helpers/e2e/site.ts';
import { sshTerminal } from '../helpers/e2e/ssh.ts';
import { until } from '../helpers/e2e/until.ts';

privateHost(t);

const prompt = 'Code, or Enter for push: ';
const site = await startSite(['alice', 'bob', 'carol', 'dave', 'erin', 'frank'], '[throttle]\naccountFreeTries = 8\n');
t.teardown(async () => await site.stop());
const { alice, bob, carol, dave, erin, frank } = site.members;

t.test('a right code opens a login shell, and no process of ours remains', async t => {
  const terminal = sshTerminal(site.sshd, 'alice');
  await terminal.expect(prompt);
  terminal.send(`${alice.code()}\r`);
  await terminal.expect('$ ');
  terminal.send('echo "I am $(id -un), $0"; exit 5\r');
  await terminal.expect('I am alice, -bash');
  t.same(agentsOf(alice.user.uid), [], 'the agent has become the shell');
  t.match(await terminal.ended(), { exitCode: 5 });

  const line = await site.daemon.audited(line => line['event'] === 'decision');
  t.match(line, {
    door: 'login',
    service: 'sshd',
    account: 'alice',
    person: 'alice@example.com',
    client: '127.0.0.1',
    factor: 'totp',
    decision: 'allow',
    server: site.server.url,
    tty: /^\/dev\/pts\/\d+$/,
    attempt: /^[0-9A-Z]{26}$/,
  });
  t.type(line['totalMs'], 'number');
});

t.test('a command with a terminal asks too, and then runs', async t => {
  const terminal = sshTerminal(site.sshd, 'alice', ['tty && exit 4']);
  await terminal.expect(prompt);
  terminal.send(`${alice.code()}\r`);
  await terminal.expect('/dev/pts/');
  t.match(await terminal.ended(), { exitCode: 4 });
  t.match(await site.daemon.audited(line => line['event'] === 'decision'), { command: 'tty && exit 4' });
});

t.test('a wrong code can be corrected; three end the login, with a reason and an id to quote', async t => {
  const corrected = sshTerminal(site.sshd, 'bob');
  await corrected.expect(prompt);
  corrected.send(`${bob.wrongCode()}\r`);
  await corrected.expect(/Wrong code/);
  await corrected.expect(prompt);
  corrected.send(`${bob.code()}\r`);
  await corrected.expect('$ ');
  corrected.send('exit\r');
  await corrected.ended();
  await site.daemon.audited(line => line['decision'] === 'allow');

  const ended = sshTerminal(site.sshd, 'bob');
  for (let i = 0; i < 3; i++) {
    await ended.expect(prompt);
    ended.send(`${bob.wrongCode()}\r`);
  }
  t.match(await ended.ended(), { exitCode: 77 });
  const line = await site.daemon.audited(line => line['event'] === 'decision');
  t.match(line, { decision: 'deny', reason: 'wrong-code' });
  t.match(ended.output, new RegExp(`Wrong code\\..*\\[${String(line['attempt'])}\\]`));
});

t.test('a code opens one login, not a second one; not in parallel, and not after a restart of the daemon', async t => {
  const code = carol.code();
  const terminals = [1, 2, 3].map(() => sshTerminal(site.sshd, 'carol'));
  for (const terminal of terminals) await terminal.expect(prompt);
  for (const terminal of terminals) terminal.send(`${code}\r`);
  const results = await Promise.all(
    terminals.map(async terminal => {
      const [what] = await terminal.expect(/\$ $|That code was used already/);
      if (what !== '$ ') await terminal.expect(prompt);
      terminal.send(what === '$ ' ? 'exit\r' : '\u0003');
      await terminal.ended();
      return what;
    }),
  );
  t.same(results.toSorted(), ['$ ', 'That code was used already', 'That code was used already']);

  await site.restartDaemon();
  const late = sshTerminal(site.sshd, 'carol');
  await late.expect(prompt);
  late.send(`${code}\r`);
  await late.expect('That code was used already');
  await late.expect(prompt); // before it, Ctrl-C is a signal, and not a key
  late.send('\u0003');
  t.match(await late.ended(), { exitCode: 130 });
});

t.test('what is no code is answered with a hint, and goes nowhere', async t => {
  const typed = [
    'my-login-password',
    '12345',
    '1234567',
    '12345678',
    '１２３４５６',
    'abcdef',
    '12 34 5',
    '\u001b[A12345',
    '"; rm -rf /',
    'x'.repeat(200),
  ];
  for (const line of typed) {
    const terminal = sshTerminal(site.sshd, 'dave');
    await terminal.expect(prompt);
    terminal.send(`${line}\r`);
    await terminal.expect('That is not a code: type 6 digits.');
    await terminal.expect(prompt);
    terminal.send('\u0003');
    t.match(await terminal.ended(), { exitCode: 130 }, JSON.stringify(line.slice(0, 20)));
  }
  const logged = `${site.sshd.log()}${site.server.process.stdout}${site.daemon.process.stdout}`;
  t.notMatch(logged, /my-login-password|rm -rf/);
  t.notMatch(site.server.process.stdout, /dave@example\.com/, 'the server heard of none of it');
});

t.test('a megabyte pasted into the prompt is one wrong answer, and the login goes on', async t => {
  const terminal = sshTerminal(site.sshd, 'dave');
  await terminal.expect(prompt);
  terminal.send(`${'9'.repeat(1_000_000)}\r`);
  await terminal.expect('That is not a code: type 6 digits.');
  await terminal.expect(prompt);
  terminal.send(`${dave.code()}\r`);
  await terminal.expect('$ ');
  terminal.send('exit 2\r');
  t.match(await terminal.ended(), { exitCode: 2 });
});

t.test('blanks around a code do not matter', async t => {
  const terminal = sshTerminal(site.sshd, 'erin');
  await terminal.expect(prompt);
  const code = erin.code();
  terminal.send(` ${code.slice(0, 3)} ${code.slice(3)} \r`);
  await terminal.expect('$ ');
  terminal.send('exit 2\r');
  t.match(await terminal.ended(), { exitCode: 2 });
});

t.test('what is typed ahead of the shell reaches the shell', async t => {
  const terminal = sshTerminal(site.sshd, 'frank');
  await terminal.expect(prompt);
  terminal.send(`${frank.code()}\recho typed-$((20+3))-ahead; exit 6\r`);
  await terminal.expect('typed-23-ahead');
  t.match(await terminal.ended(), { exitCode: 6 });
});

t.test('Ctrl-C and Ctrl-D at the prompt end the login', async t => {
  for (const key of ['\u0003', '\u0004']) {
    const terminal = sshTerminal(site.sshd, 'erin');
    await terminal.expect(prompt);
    terminal.send(key);
    t.match(await terminal.ended(), { exitCode: 130 }, JSON.stringify(key));
  }
});

t.test('a closed window ends the login and leaves no process', async t => {
  const terminal = sshTerminal(site.sshd, 'erin');
  await terminal.expect(prompt);
  t.ok(agentsOf(erin.user.uid).length > 0, 'while it waits the agent is there');
  terminal.hangUp();
  await terminal.ended();
  await until('the agent to end', () => agentsOf(erin.user.uid).length === 0);
  t.pass();
});

/** Command lines of the processes of a user that are the agent. */
function agentsOf(uid: number): string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(pid => {
      try {
        if (!new RegExp(`^Uid:\\s+${uid}\\b`, 'm').test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return [];
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return line.includes('trasa-agent') ? [line] : [];
      } catch {
        return []; // it has ended meanwhile
      }
    });
}
