/** Clients that are not OpenSSH's log in by key and then answer what PAM asks: a code, or Enter for a push. */
import t, { type Test } from 'tap';
import { startDevice } from '../helpers/e2e/agent.ts';
import { type Finished, run } from '../helpers/e2e/background.ts';
import { type Command, clientsFor } from '../helpers/e2e/clients.ts';
import { keyThenPam, module, needsDoor, waitingLogins, writeStack } from '../helpers/e2e/pam.ts';
import { startPamSite } from '../helpers/e2e/pam-site.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { Terminal } from '../helpers/e2e/terminal.ts';
import { until } from '../helpers/e2e/until.ts';

needsDoor(t, module);
privateHost(t);
writeStack('sshd', { auth: module.auth });
const { site, wiretap, sshd } = await startPamSite(t, ['paramiko', 'plink', 'dbclient'], keyThenPam);
const { members } = site;
const clients = clientsFor(sshd);

const words = ['echo in']; // and no status of its own: at a terminal dbclient now and then misses it, a plain sshd's too
const whilePushing =
  /^Push sent\. Approve it on your device, where it shows the number (\d\d), then press Enter, or type a code: $/m;
const decision = async () => await site.daemon.audited(line => line['event'] === 'decision');

/** Approves the one push that comes meanwhile. @param numberShown what the client shows of it, which the device must show too */
async function approving(
  t: Pick<Test, 'equal' | 'match'>,
  member: keyof typeof members,
  numberShown: () => Promise<string | undefined>,
): Promise<void> {
  const before = wiretap.count('push');
  const device = startDevice(members[member].device, ['--yes', '--once']);
  await device.printed(/Waiting for pushes/);
  const shown = await numberShown();
  const { stdout } = await device.finished;
  t.equal(wiretap.count('push') - before, 1, 'one push');
  t.match(stdout, new RegExp(`Number +${shown}$`, 'm'));
}

t.test('paramiko, by auth_interactive after auth_publickey', async t => {
  const answering = async (...answers: string[]): Promise<Finished> =>
    await run(clients.paramiko('paramiko', [...answers.map(answer => `--answer=${answer}`), '--run', ...words]));

  t.test('a code', async t => {
    const { status, stdout, stderr } = await answering(members.paramiko.code());
    t.strictSame([status, stdout], [0, 'in\n']);
    t.strictSame(questions(stderr), [module.prompt]);
    t.match(await decision(), { decision: 'allow', factor: 'totp', door: 'pam', account: 'paramiko', key: /^SHA256:/ });
  });

  t.test('Enter, and Enter when the push is approved, whose number stands in the second question', async t => {
    await approving(t, 'paramiko', async () => {
      const { status, stdout, stderr } = await answering('', '');
      t.strictSame([status, stdout], [0, 'in\n']);
      t.ok(messages(stderr) <= 32);
      const [first, second, ...more] = questions(stderr);
      t.strictSame([first, more], [module.prompt, []]);
      return whilePushing.exec(second ?? '')?.[1];
    });
    t.match(await decision(), { decision: 'allow', factor: 'push', door: 'pam', account: 'paramiko' });
  });

  t.test('wrong codes end with the reason', async t => {
    const wrong = members.paramiko.wrongCode();
    const { status, stdout, stderr } = await answering(wrong, wrong, wrong);
    t.strictSame([status, stdout], [1, '']);
    t.strictSame(
      questions(stderr).map(text => /Wrong code/.test(text)),
      [false, true, true],
    );
    t.match(stderr, /"instructions": "Wrong code\. [^"]*\[[0-9A-Z]{26}\]\\n", "prompts": \[\]/);
    t.match(stderr, /^paramiko: BadAuthenticationType/m);
    t.ok(messages(stderr) <= 32);
    t.match(await decision(), { decision: 'deny', reason: 'wrong-code', account: 'paramiko' });
  });
});

for (const [client, start] of [
  ['plink', () => clients.plink('plink', words, [])],
  ['dbclient', () => clients.dbclient('dbclient', words, ['-t'])],
] as const satisfies [keyof typeof members, () => Command][])
  t.test(`${client} at a terminal`, async t => {
    const entered = async (terminal: Terminal): Promise<{ exitCode: number }> => {
      if (client === 'plink') {
        // so that no server can ask in PuTTY's name
        await terminal.expect('Access granted. Press Return to begin session. ');
        terminal.send('\r');
      }
      await terminal.expect(/^in\r?$/m);
      return await terminal.ended();
    };

    t.test('a code', async t => {
      const terminal = new Terminal(start());
      await terminal.expect(module.prompt);
      terminal.send(`${members[client].code()}\r`);
      t.match(await entered(terminal), { exitCode: 0 });
      t.match(await decision(), { decision: 'allow', factor: 'totp', door: 'pam', account: client });
    });

    t.test('Enter, and Enter when the push is approved, whose number is on the terminal', async t => {
      const terminal = new Terminal(start());
      await terminal.expect(module.prompt);
      await approving(t, client, async () => {
        terminal.send('\r');
        const [, number] = await terminal.expect(/shows the number (\d\d), then /);
        await terminal.expect('or type a code: '); // PuTTY breaks lines at 80 columns
        terminal.send('\r');
        t.match(await entered(terminal), { exitCode: 0 });
        return number;
      });
      t.match(await decision(), { decision: 'allow', factor: 'push', door: 'pam', account: client });
    });

    t.test('a wrong code is asked for again; who leaves then is not waited for', async t => {
      const terminal = new Terminal(start());
      await terminal.expect(module.prompt);
      terminal.send(`${members[client].wrongCode()}\r`);
      await terminal.expect(/Wrong code\. Check the clock/);
      await terminal.expect(module.prompt);
      terminal.hangUp();
      await terminal.ended();
      t.notMatch(terminal.output, /^in\r?$/m);
      t.match(await decision(), { decision: 'deny', account: client });
      await until('no process of a login', () => waitingLogins().length === 0);
    });
  });

interface Round {
  readonly instructions: string;
  readonly prompts: readonly [text: string, echo: boolean][];
}

/** What paramiko was asked, in order, one round for each message of sshd's. */
function rounds(stderr: string): Round[] {
  return stderr
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as Round);
}

function questions(stderr: string): string[] {
  return rounds(stderr).flatMap(({ prompts }) => prompts.map(([text]) => text));
}

/** How many messages sshd has made that of, each a line at least. Before 10.3 it dies of more than 32. */
function messages(stderr: string): number {
  const lines = rounds(stderr).flatMap(({ instructions }) => instructions.split('\n').slice(0, -1));
  return lines.length + questions(stderr).flatMap(text => text.split('\n')).length;
}
