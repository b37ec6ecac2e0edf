import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { connectTo } from '../../src/relay/connect.ts';
import { tempDirectory } from '../daemon/temp-directory.ts';

const never = new AbortController().signal;

t.test('a daemon whose queue is full is tried again, and answers when it gets round to it', async t => {
  const { path, goOn } = await fullDaemon(t);
  const connecting = connectTo(path, [1, 5, ...Array.from({ length: 200 }, () => 20)], never);
  goOn();
  const socket = await connecting;
  if (socket instanceof Error) throw socket;
  socket.destroy();
});

t.test('a daemon whose queue stays full is given up', async t => {
  const { path } = await fullDaemon(t);
  t.match(await connectTo(path, [], never), { code: 'EAGAIN' });
  t.match(await connectTo(path, [1, 2, 3], never), { code: 'EAGAIN' });
});

t.test('who is gone waits no longer', async t => {
  const { path } = await fullDaemon(t);
  const gone = new AbortController();
  const connecting = connectTo(path, [1_000_000], gone.signal);
  gone.abort();
  t.match(await connecting, { code: 'EAGAIN' });
});

t.test('no daemon is not waited for', async t => {
  t.match(await connectTo(join(tempDirectory(t), 'none'), [1_000_000], never), { code: 'ENOENT' });
});

/** It has stopped, and its queue is full. */
async function fullDaemon(t: Test): Promise<{ path: string; goOn(): void }> {
  const path = join(tempDirectory(t), 'full.sock');
  const listen = { path, backlog: 1 };
  const script = `require('node:net').createServer(s => s.on('error', () => {}).resume()).listen(${JSON.stringify(listen)}, () => console.log())`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const sockets: Socket[] = [];
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    child.kill('SIGKILL');
  });
  await once(child.stdout, 'data');
  child.kill('SIGSTOP');
  for (;;) {
    const socket = connect({ path });
    const [error] = await Promise.race([
      once(socket, 'connect'),
      new Promise<[Error]>(resolve => socket.once('error', e => resolve([e]))),
    ]);
    if (error !== undefined) break;
    sockets.push(socket);
  }
  return { path, goOn: () => void child.kill('SIGCONT') };
}
