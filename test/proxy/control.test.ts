/** The control socket: what it answers, and to what. */

import { statSync } from 'node:fs';
import { connect } from 'node:net';
import t from 'tap';
import { controlSocketIn } from '../../src/proxy/control/messages.ts';
import { showSessions } from '../../src/proxy/control/show-sessions.ts';
import { inProcess } from './in-process.ts';

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
    ['another question', '{"ask":"shutdown"}\n', { kind: 'refused', why: 'that is no request' }],
    ['no JSON', 'GET / HTTP/1.1\n', { kind: 'refused', why: 'that is no request' }],
    ['JSON that is no object', 'null\n', { kind: 'refused', why: 'that is no request' }],
    ['a line without an end', 'x'.repeat(2000), { kind: 'refused', why: 'that is no request' }],
  ] as const)
    t.strictSame(await ask(proxy.stateDirectory, request), [answer], what);
  t.notOk(proxy.lines.some(line => line['event'] === 'watch-start' || line['event'] === 'ended-by-administrator'));
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
