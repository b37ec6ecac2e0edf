import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { knock } from '../../src/relay/knock.ts';
import { tempDirectory } from '../daemon/temp-directory.ts';

async function somebody(t: Test, answer: (socket: Socket) => void): Promise<string> {
  const path = join(tempDirectory(t), 'socket');
  const server = createServer(answer).listen(path);
  await once(server, 'listening');
  t.teardown(() => server.close());
  return path;
}

t.test('who answers with a decision is a daemon', async t => {
  const heard: string[] = [];
  const path = await somebody(t, socket => {
    socket.once('data', (data: Buffer) => {
      heard.push(String(data));
      socket.end('decision verdict=deny reason=cancelled id=1 text= exit=130 pam=PAM_ABORT motd=no record=no sftp=\n');
    });
  });
  t.equal(await knock(path, 5_000), undefined);
  t.strictSame(heard, ['cancel\n'], 'and nothing was asked of it');
});

t.test('who says something else, hangs up, or says nothing is none', async t => {
  t.match(
    await knock(await somebody(t, socket => socket.end('220 mail.example.com ESMTP\n')), 5_000),
    /not of the protocol/,
  );
  t.match(
    await knock(await somebody(t, socket => socket.destroy()), 5_000),
    /closed without an answer|ECONNRESET|EPIPE/,
  );
  const sockets: Socket[] = [];
  const path = await somebody(t, socket => sockets.push(socket));
  t.equal(await knock(path, 50), 'no answer within 50 ms');
  for (const socket of sockets) socket.destroy();
});

t.test('nobody is none', async t => {
  t.match(await knock(join(tempDirectory(t), 'socket'), 5_000), /ENOENT/);
});
