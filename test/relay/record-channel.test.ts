import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { mock } from 'node:test';
import t, { type Test } from 'tap';
import { encodeDaemonMessage } from '../../src/protocol/codec.ts';
import { openRecordChannel } from '../../src/relay/record-channel.ts';
import { tempDirectory } from '../daemon/temp-directory.ts';

/** Two ends of a connection. */
async function connected(t: Test): Promise<{ door: Socket; daemon: Socket }> {
  const server = createServer();
  const path = join(tempDirectory(t), 'record.sock');
  server.listen(path);
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const door = connect({ path });
  const [daemon] = (await accepted) as [Socket];
  daemon.on('error', () => {});
  t.teardown(() => {
    door.destroy();
    daemon.destroy();
    server.close();
  });
  return { door, daemon };
}

/** Acknowledges every line. */
function acknowledge(daemon: Socket): void {
  daemon.on('data', (chunk: Buffer) => {
    for (const byte of chunk) if (byte === 0x0a) daemon.write(encodeDaemonMessage({ kind: 'recorded' }));
  });
}

t.test('a line that is acknowledged in time does not end the recording later', async t => {
  const { door, daemon } = await connected(t);
  acknowledge(daemon);
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const recording = openRecordChannel(door, 1_000);
  for (let i = 0; i < 3; i++) {
    await recording.write('[1,"o","a"]');
    mock.timers.tick(900);
  }
  mock.timers.tick(5_000);
  await recording.write('[1,"o","a"]'); // far later than one line may wait
});

t.test('a line that is not acknowledged in time ends the recording and the connection', async t => {
  const { door, daemon } = await connected(t);
  daemon.resume();
  const closed = once(daemon, 'close');
  const recording = openRecordChannel(door, 20);
  const [one, two] = [recording.write('{}'), recording.write('{}')];
  await t.rejects(one, /no acknowledgement in time/);
  await t.rejects(two, /no acknowledgement in time/);
  await closed;
  await t.rejects(recording.write('{}'), /no acknowledgement in time/, 'the first reason stays');
});

t.test('a daemon that talks without end, or says what was not asked, ends it', async t => {
  for (const words of ['a'.repeat(10_000), encodeDaemonMessage({ kind: 'recorded' }).repeat(2)]) {
    const { door, daemon } = await connected(t);
    daemon.resume();
    const closed = once(daemon, 'close');
    const recording = openRecordChannel(door);
    const written = recording.write('{}').catch(String);
    daemon.write(words);
    await closed;
    await written;
    await t.rejects(recording.write('{}'), /not understood/);
  }
});

t.test('a connection that is gone already records nothing', async t => {
  const { door } = await connected(t);
  door.destroy();
  await once(door, 'close');
  await t.rejects(openRecordChannel(door).write('{}'), /closed the connection/);
});

t.test('the longest line is taken, and the end of the recording is the end of the connection', async t => {
  const { door, daemon } = await connected(t);
  acknowledge(daemon);
  const ended = once(daemon, 'end');
  const recording = openRecordChannel(door);
  await recording.write('x'.repeat(2048));
  recording.close();
  await ended;
  await t.rejects(recording.write('{}'), /closed/);
});
