/** Where no daemon listens, pam_trasa.so starts the agent for the one login (agent=): the same decisions, the same memory. */
import { readFileSync, rmSync, statSync } from 'node:fs';
import t from 'tap';
import { startDevice } from '../helpers/e2e/agent.ts';
import { Background } from '../helpers/e2e/background.ts';
import {
  keyThenPam,
  module,
  needsDoor,
  processesWith,
  sshAsking,
  startPamSshd,
  writeStack,
} from '../helpers/e2e/pam.ts';
import { agent, privateHost } from '../helpers/e2e/private-host.ts';
import { startSite } from '../helpers/e2e/site.ts';
import { ssh } from '../helpers/e2e/ssh.ts';
import { Terminal } from '../helpers/e2e/terminal.ts';
import { until } from '../helpers/e2e/until.ts';
import { authorize } from '../helpers/e2e/users.ts';

needsDoor(t, module);
privateHost(t);
const auditFile = '/var/lib/trasa-agent/audit.log';
const site = await startSite(['alice', 'bob', 'carol'], `[daemon]\nauditFile = "${auditFile}"\n`);
const { alice, bob, carol } = site.members;
const asking = await startPamSshd({ extraConfig: keyThenPam });
const silent = await startPamSshd();
for (const { user } of Object.values(site.members))
  for (const { publicKey } of [asking, silent]) authorize(user, publicKey);
t.teardown(async () => {
  await Promise.all([asking.stop(), silent.stop()]);
  await site.stop();
});
await site.daemon.stop();
const state = statSync('/var/lib/trasa-agent');

const line = [`required ${module.auth[0]?.split(' ')[1]} agent=${agent}`];
const decisions = (account: string): Record<string, unknown>[] =>
  readFileSync(auditFile, 'utf8')
    .split('\n')
    .filter(text => text.includes(`"account":"${account}"`))
    .map(text => JSON.parse(text) as Record<string, unknown>);
const noAgentIsLeft = async (): Promise<void> => {
  await until('no agent of a login', () => processesWith(agent, 'daemon', '--once').length === 0);
};

t.test('a code enters, once: the logins share one memory, which stays the daemon user’s', async t => {
  writeStack('sshd', { auth: line });
  const code = alice.code();
  for (const [title, enters] of [
    ['first', true],
    ['again', false],
  ] as const) {
    const terminal = sshAsking(asking, 'alice', ['echo in'], ['-o', 'NumberOfPasswordPrompts=1']);
    await terminal.expect(module.prompt);
    terminal.send(`${code}\r`);
    if (!enters) await terminal.expect(/used already/).then(() => terminal.hangUp());
    await terminal.ended();
    t.equal(/^in\r$/m.test(terminal.output), enters, title);
  }
  t.match(decisions('alice')[0], { decision: 'allow', factor: 'totp', door: 'pam', uid: 0, client: '127.0.0.1' });
  for (const file of ['logins.db', 'audit.log']) t.equal(statSync(`/var/lib/trasa-agent/${file}`).uid, state.uid, file);
  await noAgentIsLeft();
});

t.test('in the account phase one push, and then the session', async t => {
  writeStack('sshd', { account: line });
  const device = startDevice(bob.device, ['--yes', '--once']);
  await device.printed(/Waiting for pushes/);
  t.match(await ssh(silent, 'bob', ['echo in']), { status: 0, stdout: 'in\n', stderr: '' });
  await device.finished;
  t.match(decisions('bob'), [{ decision: 'allow', factor: 'push' }]);
  await noAgentIsLeft();
});

t.test('a client that goes away takes push and agent along', async t => {
  writeStack('sshd', { account: line });
  const device = new Terminal([agent, 'server', 'approve', '--device', carol.device]);
  await device.expect(/Waiting for pushes/);
  const client = new Background(['ssh', '-F', silent.configFile, 'carol@target', 'echo in']);
  await device.expect(/Let in/);
  client.child.kill('SIGKILL');
  await device.expect(/withdrawn|cancelled|gone|given up/i);
  device.hangUp();
  await device.ended();
  await until('the audit line', () => decisions('carol').length === 1);
  t.match(decisions('carol'), [{ decision: 'deny', reason: 'disconnected' }]);
  await noAgentIsLeft();
});

t.test('without the state that it is to share, nobody enters', async t => {
  writeStack('sshd', { account: line });
  rmSync('/var/lib/trasa-agent', { recursive: true });
  t.match(await ssh(silent, 'bob', ['echo in']), { status: 255, stdout: '' });
  t.throws(() => statSync('/var/lib/trasa-agent'), 'and root makes none of its own');
});

t.test('started by hand it has nobody to serve', async t => {
  const finished = await new Background([agent, 'daemon', '--once']).finished;
  t.not(finished.status, 0);
});
