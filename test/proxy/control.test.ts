/** The control socket: what it answers, and to what. */

import { statSync } from 'node:fs';
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { setImmediate as round } from 'node:timers/promises';
import type { ReadStream } from 'node:tty';
import t from 'tap';
import { listSessions, proxyStatus } from '../../src/proxy/control/ask-proxy.ts';
import { controlSocketIn } from '../../src/proxy/control/messages.ts';
import { showSessions } from '../../src/proxy/control/show-sessions.ts';
import { watchSession } from '../../src/proxy/control/watch-session.ts';
import { byte, string, uint32 } from '../../src/ssh/wire.ts';
import { until } from '../helpers/e2e/until.ts';
import { type InProcess, inProcess } from './in-process.ts';
import { answerBoth, type RawPeer, rawStranger } from './raw-peer.ts';

const someId = '01JD0000000000000000000000';

t.test('it is for its owner alone', async t => {
  const { stateDirectory } = await inProcess(t);
  t.equal(statSync(controlSocketIn(stateDirectory)).mode & 0o777, 0o600);
});

t.test('one request, one answer', async t => {
  const proxy = await inProcess(t);
  for (const [what, request, answer] of [
    ['a list', '{"ask":"list"}\n', { kind: 'sessions', sessions: [], silent: 0 }],
    [
      'a session that is none',
      `{"ask":"end","id":"${someId}"}\n`,
      { kind: 'refused', why: 'there is no such session' },
    ],
    ['the same to watch', `{"ask":"watch","id":"${someId}"}\n`, { kind: 'refused', why: 'there is no such session' }],
    ['an id that is none', '{"ask":"end","id":"../x"}\n', { kind: 'refused', why: 'that is no request' }],
    ['no id', '{"ask":"watch"}\n', { kind: 'refused', why: 'that is no request' }],
    ['who is kept out', '{"ask":"kept-out"}\n', { kind: 'kept-out', keptOut: [] }],
    [
      'somebody who is not',
      '{"ask":"let-in","address":"192.0.2.1"}\n',
      { kind: 'refused', why: 'nothing is held against 192.0.2.1' },
    ],
    ['no address', '{"ask":"let-in","address":"web1"}\n', { kind: 'refused', why: 'that is no request' }],
    ['another question', '{"ask":"shutdown"}\n', { kind: 'refused', why: 'that is no request' }],
    ['no JSON', 'GET / HTTP/1.1\n', { kind: 'refused', why: 'that is no request' }],
    ['JSON that is no object', 'null\n', { kind: 'refused', why: 'that is no request' }],
    ['a line without an end', 'x'.repeat(2000), { kind: 'refused', why: 'that is no request' }],
  ] as const)
    t.strictSame(await ask(proxy.stateDirectory, request), [answer], what);
  t.notOk(proxy.lines.some(line => line['event'] === 'watch-start' || line['event'] === 'ended-by-administrator'));
});

t.test('how the proxy is, in numbers', async t => {
  const proxy = await inProcess(t);
  const signal = AbortSignal.timeout(10_000);
  const { since, ...before } = await proxyStatus(proxy.stateDirectory, signal);
  t.strictSame(before, { kind: 'status', port: proxy.port, release: '1.0', workers: 1, silent: 0, sessions: 0 });
  t.ok(since > 0);
  await session(proxy);
  t.match(await proxyStatus(proxy.stateDirectory, signal), { since, sessions: 1 });
  await t.rejects(proxyStatus(t.testdir(), signal), { name: 'NoProxyError' });
});

t.test('watching that cannot be logged shows nothing', async t => {
  const proxy = await inProcess(t, { cannotNote: 'watch-start' });
  const { id } = await session(proxy);
  const answers = await ask(proxy.stateDirectory, `{"ask":"watch","id":"${id}"}\n`);
  t.strictSame(answers, [{ kind: 'refused', why: 'the audit log cannot be written' }]);
});

t.test('the last words of whoever was watched draw nothing on the terminal of the watcher', async t => {
  const proxy = await inProcess(t);
  const { id, peer } = await session(proxy);
  const said: string[] = [];
  const terminal = { keys: undefined, show: () => {}, say: (line: string) => void said.push(line) };
  const watched = watchSession(proxy.stateDirectory, id, terminal);
  await until('the line', () => proxy.lines.some(line => line['event'] === 'watch-start'));
  peer.transport.disconnect(11, '\u001b]0;title\u0007');
  t.equal(await watched, undefined);
  t.match(said.at(-1), /^\r\nThe session is over: .*\?\]0;title\?/);
});

t.test('a terminal that watches is drawn on, and nothing else; what is no terminal gets all as it is', async t => {
  const proxy = await inProcess(t);
  const { id, peer, host } = await session(proxy);
  await openTerminal(peer, host);
  const keys = Object.assign(new PassThrough(), { setRawMode: () => keys }) as unknown as ReadStream;
  const watch = (of: ReadStream | undefined): { shown: string; said: string[]; over: Promise<string | undefined> } => {
    const seen = { shown: '', said: Array.of<string>(), over: Promise.resolve<string | undefined>(undefined) };
    const show = (output: Buffer | string): void =>
      void (seen.shown += typeof output === 'string' ? output : output.toString('latin1'));
    seen.over = watchSession(proxy.stateDirectory, id, { keys: of, show, say: line => void seen.said.push(line) });
    return seen;
  };
  const [terminal, pipe] = [watch(keys), watch(undefined)];
  await until('both', () => proxy.lines.filter(line => line['event'] === 'watch-start').length === 2);
  const [first, second] = [
    Buffer.from('\u001b[7mgr\u00fc'),
    Buffer.from('\u00dfe\u001b[0m \u001b]52;c;ZXZpbA==\u0007\u001b[6n.'),
  ];
  const all = Buffer.concat([first, second]);
  for (const part of [all.subarray(0, 7), all.subarray(7)]) host.send(byte(94), uint32(0), string(part));
  await until('all of it', () => terminal.shown.endsWith('.') && pipe.shown.endsWith('.'));
  t.equal(terminal.shown, '\u001b[7mgr\u00fc\u00dfe\u001b[0m .');
  t.equal(pipe.shown, all.toString('latin1'));
  peer.socket.destroy();
  t.strictSame(await Promise.all([terminal.over, pipe.over]), [undefined, undefined]);
});

t.test('who does not take what they watch sees no more, and the session does not wait', async t => {
  const proxy = await inProcess(t);
  const { id, peer, host } = await session(proxy);
  await openTerminal(peer, host);
  const watcher = connect(controlSocketIn(proxy.stateDirectory));
  watcher.write(`{"ask":"watch","id":"${id}"}\n`);
  await until('the line', () => proxy.lines.some(line => line['event'] === 'watch-start'));
  const many = 300;
  for (let sent = 0; sent < many; sent++) {
    host.send(byte(94), uint32(0), string(Buffer.alloc(30_000, 'x')));
    await round();
  }
  await until('all of it', () => peer.messages.filter(one => one[0] === 94).length === many);
  let heard = '';
  watcher.setEncoding('utf8').on('data', (text: string) => (heard += text));
  await until('the end of watching', () => watcher.closed);
  t.match(heard.trimEnd().split('\n').at(-1), /"over","why":"more is shown than can be watched"/);
  t.ok(heard.length < (many * 30_000) / 2, 'far less than was shown');
  await until('the line', () => proxy.lines.some(line => line['event'] === 'watch-end'));
});

t.test('an administrator reads no escape sequences of others in the list', async t => {
  const [line = ''] = showSessions(
    [
      {
        id: someId,
        person: 'alice@example.com',
        account: 'alice',
        service: 'web1',
        client: '192.0.2.7',
        since: 0,
        channels: ['exec: \u001b]0;title\u0007', 'sftp'],
        bytesIn: 2048,
        bytesOut: 3 * 1024 * 1024,
        isRecorded: false,
      },
    ],
    3_700_000,
  );
  t.equal(
    line,
    `${someId}  alice@example.com to alice@web1 from 192.0.2.7  for 1 h 1 min  2.0 KiB in, 3.0 MiB out  exec: ?]0;title?, sftp`,
  );
});

/** A channel with a terminal, of the number 0 with the client and 7 with the host. */
async function openTerminal(peer: RawPeer, host: RawPeer): Promise<void> {
  peer.send(byte(90), string('session'), uint32(0), uint32(2 ** 31), uint32(32_768));
  await host.next(90);
  host.send(byte(91), uint32(0), uint32(7), uint32(2 ** 31), uint32(32_768));
  await peer.next(91);
  const size = [80, 24, 0, 0].map(uint32);
  peer.send(byte(98), uint32(7), string('pty-req'), byte(0), string('xterm'), ...size, string(''));
  await host.next(98);
}

async function session(proxy: InProcess): Promise<{ id: string; peer: RawPeer; host: RawPeer }> {
  const peer = await rawStranger(proxy.port);
  await answerBoth(peer, 'alice@web1', proxy.alice);
  await peer.next(52);
  const [report] = (await listSessions(proxy.stateDirectory)).sessions;
  const host = await until('the host', () => proxy.host.peers[0]);
  return { id: report?.id ?? '', peer, host };
}

async function ask(stateDirectory: string, request: string): Promise<unknown[]> {
  return await new Promise((resolve, reject) => {
    let heard = '';
    const socket = connect(controlSocketIn(stateDirectory)).setEncoding('utf8');
    socket.on('data', (text: string) => (heard += text)).on('error', reject);
    socket.on('close', () =>
      resolve(
        heard
          .split('\n')
          .slice(0, -1)
          .map(line => JSON.parse(line) as unknown),
      ),
    );
    socket.write(request);
  });
}
