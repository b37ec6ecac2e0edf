/** How a session ends, and what of the agent is left while it lasts. */
import { readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { run } from '../helpers/e2e/background.ts';
import { privateHost } from '../helpers/e2e/private-host.ts';
import { ssh, sshTerminal } from '../helpers/e2e/ssh.ts';
import type { Sshd } from '../helpers/e2e/sshd.ts';
import { type Shell, shells, startHosts } from './session-hosts.ts';

privateHost(t);

const { plain, guarded, daemon } = await startHosts(t);

for (const shell of shells)
  t.test(`${shell}: exit status and exit signal reach the client`, async t => {
    const pid = shell === 'fish' ? '$fish_pid' : '$$';
    for (const [code, status] of [
      ['exit 200', 200],
      [`kill -9 ${pid}`, 255],
      [`kill -TERM ${pid}`, 255],
    ] as const) {
      const [without, withAgent] = await Promise.all([end(plain, shell, code), end(guarded, shell, code)]);
      t.strictSame(without, { status, request: status === 255 ? 'exit-signal' : 'exit-status' }, code);
      t.strictSame(withAgent, without, code);
    }
  });

async function end(sshd: Sshd, shell: Shell, code: string) {
  const { status, stderr } = await run(['ssh', '-v', '-F', sshd.configFile, `with-${shell}@target`, code]);
  return { status, request: /rtype (exit-\w+)/.exec(stderr)?.[1] };
}

t.test('a command that is not there is reported by the shell as ever', async t => {
  const [without, withAgent] = await Promise.all(
    [plain, guarded].map(async sshd => await ssh(sshd, 'with-bash', ['no-such-command'])),
  );
  t.equal(without?.status, 127);
  t.strictSame(withAgent, without);
});

t.test('bash reads its start-up file once, as without the agent', async t => {
  const bashrc = '/home/with-bash/.bashrc';
  writeFileSync(bashrc, `echo read >>reads\n${readFileSync(bashrc, 'utf8')}`);
  for (const sshd of [plain, guarded]) {
    const { stdout } = await ssh(sshd, 'with-bash', ['cat reads; rm reads']);
    t.equal(stdout, 'read\n');
  }
});

t.test('no process of the agent is left once the session has begun', async t => {
  const terminal = sshTerminal(guarded, 'with-bash', ['echo ready; read line']);
  await terminal.expect('ready');
  const { stdout } = await run(['ps', '-U', 'with-bash', '-o', 'comm=']);
  // Of an earlier session sshd may be there still.
  t.strictSame([...new Set(stdout.trim().split('\n'))].toSorted(), ['bash', 'sshd']);
  terminal.send('\r');
  await terminal.ended();
});

t.test('each login has one line in the audit log', async t => {
  const mark = 'echo the one looked for';
  await ssh(guarded, 'with-bash', [mark]);
  const line = await daemon.audited(entry => entry['command'] === mark);
  t.match(line, {
    event: 'decision',
    door: 'login',
    account: 'with-bash',
    client: '127.0.0.1',
    decision: 'bypass',
    reason: 'exempt-user',
    key: /^SHA256:[A-Za-z0-9+/]{43}$/,
  });
  t.equal(daemon.audit().filter(entry => entry['command'] === mark).length, 1);
});
