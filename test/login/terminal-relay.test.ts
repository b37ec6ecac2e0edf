import { EventEmitter, once } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import type { ReadStream, WriteStream } from 'node:tty';
import type { IPty } from 'node-pty';
import t from 'tap';
import { Recorder } from '../../src/login/recorder.ts';
import { TerminalRelay, windowOf } from '../../src/login/terminal-relay.ts';

/** A shell, a person and a daemon, all made of events. `log` has what reached whom, in order. */
function session({ failAt = Number.POSITIVE_INFINITY } = {}) {
  const log: string[] = [];
  const pty = new EventEmitter();
  const shell = Object.assign(pty, {
    onData: (listener: (data: Buffer) => void) => pty.on('data', listener),
    onExit: (listener: (exit: { exitCode: number; signal?: number }) => void) => pty.on('exit', listener),
    write: (data: Buffer) => log.push(`typed ${data.toString()}`),
    resize: (columns: number, rows: number) => log.push(`sized ${columns}x${rows}`),
    kill: (signal: string) => log.push(`killed ${signal}`),
    pause: () => log.push('paused'),
    resume: () => {},
  });
  const input = new PassThrough();
  const output = Object.assign(
    new Writable({
      write(chunk: Buffer, _, done) {
        log.push(chunk.length > 99 ? 'shown much' : `shown ${chunk.toString()}`);
        setImmediate(done);
      },
    }),
    { columns: 80, rows: 24 },
  );
  let lines = 0;
  const recorder = new Recorder(
    {
      write: async line => {
        if (++lines >= failAt) throw new Error('disk full');
        await new Promise(setImmediate);
        const [, code, data] = JSON.parse(line) as [number, string, string];
        if (data.length < 99) log.push(`recorded ${code} ${data}`);
      },
    },
    () => 0,
  );
  const signals = new EventEmitter();
  const relay = new TerminalRelay(
    shell as unknown as IPty,
    recorder,
    input as unknown as ReadStream,
    output as unknown as WriteStream,
  );
  return { log, shell, input, output, signals, relay };
}

t.test('what the shell prints is recorded first and shown then', async t => {
  const { log, shell, signals, relay } = session();
  const ending = relay.run(signals);
  shell.emit('data', Buffer.from('one'));
  shell.emit('data', Buffer.from('two'));
  shell.emit('exit', { exitCode: 3, signal: 0 });
  t.strictSame(await ending, { kind: 'exited', status: 3 });
  t.strictSame(log, ['recorded o one', 'shown one', 'recorded o two', 'shown two', 'recorded m exit 3']);
});

t.test('what the person types reaches the shell and no recording', async t => {
  const { log, shell, input, signals, relay } = session();
  const ending = relay.run(signals);
  const read = once(input, 'data');
  input.write('secret');
  await read;
  shell.emit('exit', { exitCode: 0, signal: 9 });
  t.strictSame(await ending, { kind: 'killed', signal: 9 });
  t.strictSame(log, ['typed secret', 'recorded m signal SIGKILL']);
});

t.test('a new window size reaches the shell and the recording', async t => {
  const { log, shell, output, signals, relay } = session();
  const ending = relay.run(signals);
  Object.assign(output, { columns: 132, rows: 43 });
  output.emit('resize');
  shell.emit('exit', { exitCode: 0 });
  await ending;
  t.strictSame(log, ['sized 132x43', 'recorded r 132x43', 'recorded m exit 0']);
});

t.test('a recording that fails ends the session, and what was not recorded is not shown', async t => {
  const { log, shell, signals, relay } = session({ failAt: 2 });
  const ending = relay.run(signals);
  shell.emit('data', Buffer.from('one'));
  shell.emit('data', Buffer.from('two'));
  shell.emit('data', Buffer.from('three'));
  t.strictSame(await ending, { kind: 'not-recorded', detail: 'disk full' });
  t.strictSame(log, ['recorded o one', 'shown one', 'killed SIGHUP']);
});

t.test('a recording that fails at its very end is not passed off as whole', async t => {
  const { shell, signals, relay } = session({ failAt: 1 });
  const ending = relay.run(signals);
  shell.emit('exit', { exitCode: 0 });
  t.strictSame(await ending, { kind: 'not-recorded', detail: 'disk full' });
});

t.test('hanging up reaches the shell', async t => {
  for (const signal of ['SIGHUP', 'SIGTERM']) {
    const { log, shell, signals, relay } = session();
    const ending = relay.run(signals);
    signals.emit(signal);
    t.ok(log.includes('killed SIGHUP'), signal);
    shell.emit('exit', { exitCode: 0, signal: 1 });
    t.strictSame(await ending, { kind: 'killed', signal: 1 });
    t.strictSame(signals.eventNames(), [], 'and nothing is left behind');
  }
});

t.test('a shell that prints faster than the daemon writes has to wait; one that has ended need not', async t => {
  const { log, shell, signals, relay } = session();
  const ending = relay.run(signals);
  shell.emit('data', Buffer.alloc(300_000, 'x'));
  t.ok(log.includes('paused'));
  signals.emit('SIGCHLD');
  log.length = 0;
  shell.emit('data', Buffer.alloc(300_000, 'x'));
  t.notOk(log.includes('paused'));
  shell.emit('exit', { exitCode: 0 });
  await ending;
});

t.test('a terminal without a size gets the usual one', async t => {
  t.strictSame(windowOf({ columns: 132, rows: 43 }), { columns: 132, rows: 43 });
  for (const none of [{}, { columns: 0, rows: 0 }, { columns: 80, rows: 0 }])
    t.strictSame(windowOf(none), { columns: 80, rows: 24 });
});
