import { existsSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { listen } from '../../src/daemon/listen.ts';
import { ScriptedConversation } from '../helpers/scripted-conversation.ts';
import { attempt, pushThatWaits, runningDaemon, until } from './running-daemon.ts';
import { tempDirectory } from './temp-directory.ts';

t.test('stopping denies logins in progress at once and takes their pushes back', async t => {
  const { raw, daemon, events, verifier, socket } = await runningDaemon(t, { verifier: pushThatWaits() });
  const [atPrompt, atPush, silent] = [raw(), raw(), raw()];
  atPrompt.say(attempt);
  t.match(await atPrompt.next(), { kind: 'prompt' });
  atPush.say({ ...attempt, interactive: false });
  await until(() => verifier.signals.length === 1);

  const stopped = daemon.stop();
  t.match(await atPrompt.next(), { kind: 'withdraw' });
  t.match(await atPrompt.next(), { kind: 'decision', reason: 'shutting-down', pam: 'PAM_AUTHINFO_UNAVAIL' });
  t.match(await atPush.next(), { kind: 'info' });
  t.match(await atPush.next(), { kind: 'decision', reason: 'shutting-down' });
  t.match(await silent.next(), { kind: 'decision', reason: 'shutting-down' });
  await stopped;
  t.equal(verifier.signals[0]?.aborted, true);
  t.same(
    events.map(event => event.reason),
    ['shutting-down', 'shutting-down'],
  );
  t.notOk(existsSync(socket), 'the socket is removed');
});

t.test('idle means that nobody is being served, and that all who come until then are', async t => {
  const { raw, ask, daemon, verifier } = await runningDaemon(t, { verifier: pushThatWaits() });
  await daemon.idle();
  const [first, second] = [raw(), raw()];
  first.say({ ...attempt, interactive: false });
  await until(() => verifier.signals.length === 1);
  let isIdle = false;
  const idle = daemon.idle().then(() => (isIdle = true));
  second.say(attempt);
  t.match(await second.next(), { kind: 'prompt' }, 'a login begins while another is in progress');
  first.socket.destroy();
  t.match(await ask(new ScriptedConversation(async () => '123456')), { decision: { verdict: 'allow' } });
  t.notOk(isIdle, 'one is left');
  second.say({ kind: 'answer', id: 1, text: '654321' });
  t.match(await second.next(), { kind: 'decision', verdict: 'allow' });
  await idle;
});

t.test('stopping does not wait for ever', async t => {
  let isAsked = false;
  const { raw, daemon } = await runningDaemon(t, {
    authenticate: async () => {
      isAsked = true;
      return await new Promise(() => {});
    },
    timeouts: { stopMs: 50 },
  });
  const door = raw();
  door.say(attempt);
  await until(() => isAsked);
  await daemon.stop();
  await door.closed;
  t.equal(await door.next(), undefined, 'it closed, and the door denies');
});

t.test('a stopped daemon is unavailable', async t => {
  const { ask, daemon } = await runningDaemon(t);
  await daemon.stop();
  t.match(await ask(new ScriptedConversation()), { kind: 'unavailable' });
});

t.test('the socket is open to everybody: the kernel says who calls', async t => {
  const { socket } = await runningDaemon(t);
  t.equal(statSync(socket).mode & 0o777, 0o666);
});

t.test('a stale socket is replaced, and nothing else', async t => {
  const directory = tempDirectory(t);
  const path = join(directory, 'agent.sock');
  const first = createServer();
  t.teardown(() => first.close());
  await listen(first, { kind: 'path', path });
  const second = createServer();
  await t.rejects(listen(second, { kind: 'path', path }), /another daemon listens/);
  t.ok(statSync(path).isSocket(), 'left alone');

  const stale = join(directory, 'stale.sock');
  await leaveSocketBehind(stale);
  t.ok(statSync(stale).isSocket());
  await listen(second, { kind: 'path', path: stale });
  t.teardown(() => second.close());

  const file = join(directory, 'file');
  writeFileSync(file, 'precious');
  await t.rejects(listen(createServer(), { kind: 'path', path: file }), /not a socket/);
  await t.rejects(listen(createServer(), { kind: 'path', path: join(directory, 'none', 'x') }), { code: 'ENOENT' });
});

/** As a daemon that was killed does. */
async function leaveSocketBehind(path: string): Promise<void> {
  const { spawn } = await import('node:child_process');
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await new Promise(resolve => spawn(process.execPath, ['-e', script]).once('close', resolve));
}
