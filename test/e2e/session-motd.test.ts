/** `motd = true`: what sshd leaves out under a forced command is shown, and to nobody else than it would be shown to. */
import { writeFileSync } from 'node:fs';
import t from 'tap';
import { startDaemon } from '../helpers/e2e/agent.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { ssh, sshTerminal } from '../helpers/e2e/ssh.ts';
import { startSshd } from '../helpers/e2e/sshd.ts';
import { addUser, authorize } from '../helpers/e2e/users.ts';

privateHost(t);

const config = (motd: boolean): string => `trasaServerURL = "https://127.0.0.1:9"
serviceID = "none"
serviceKey = "none"
[policy]
exemptUsers = ["reader"]
[login]
motd = ${motd}
`;
const sshd = await startSshd();
authorize(addUser({ name: 'reader' }), sshd.publicKey);
let daemon = await startDaemon(config(true));
t.teardown(async () => await Promise.all([sshd.stop(), daemon.stop()]));

writeFileSync('/run/motd.dynamic', 'Linux of today\n');
writeFileSync('/etc/motd', 'Be excellent to each other.\n');
writeFileSync('/var/log/wtmp', ''); // sshd itself keeps it from here on

/** All that a login shell shows. */
async function shown(words: readonly string[] = []): Promise<string> {
  const terminal = sshTerminal(sshd, 'reader', words);
  if (words.length === 0) {
    await terminal.expect('$ ');
    terminal.send('exit\r');
  }
  await terminal.ended();
  return terminal.output;
}

t.test('a login shell on a terminal begins with the messages of the day; the first has no login before it', async t => {
  const text = await shown();
  t.match(text, /^Linux of today\r\nBe excellent to each other\.\r\n/);
  t.notMatch(text, 'Last login');
});

t.test('the second is told of the first', async t => {
  const times = [0, 60_000].map(agoMs => new Date(Date.now() - agoMs)); // the day may have changed since
  const days = times.map(time => time.toString().split(' ').slice(0, 2).join(' ')).join('|');
  const years = times.map(time => time.getFullYear()).join('|');
  t.match(
    await shown(),
    new RegExp(`\nLast login: (?:${days}) [ \\d]\\d \\d\\d:\\d\\d:\\d\\d (?:${years}) from 127\\.0\\.0\\.1\r\n`),
  );
});

t.test('a command is not', async t => {
  t.equal(await shown(['echo output']), 'output\r\n');
  t.equal((await ssh(sshd, 'reader', ['echo output'])).stdout, 'output\n');
});

t.test('nor is a shell without a terminal', async t => {
  t.equal((await ssh(sshd, 'reader', [], { input: 'echo output' })).stdout, 'output\n');
});

t.test('nor is who has a ~/.hushlogin', async t => {
  await ssh(sshd, 'reader', ['touch .hushlogin']);
  t.notMatch(await shown(), /excellent|Linux of|Last login/);
  await ssh(sshd, 'reader', ['rm .hushlogin']);
});

t.test('by default nothing is shown', async t => {
  await daemon.stop();
  daemon = await startDaemon(config(false));
  t.notMatch(await shown(), /excellent|Linux of|Last login/);
});
