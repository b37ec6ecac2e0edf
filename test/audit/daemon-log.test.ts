import t from 'tap';
import { openDaemonLog } from '../../src/audit/daemon-log.ts';

const clock = { now: () => 0 };

t.test("the daemon's own lines are JSON, and told apart from decisions", async t => {
  const lines: string[] = [];
  const log = openDaemonLog(clock, line => void lines.push(line));
  log.info('ready', { socket: '/run/x.sock' });
  log.warn('a\u001b[31m\nb');
  log.error('c', { uid: 1000 });
  t.same(
    lines.map(line => JSON.parse(line) as unknown),
    [
      { time: '1970-01-01T00:00:00.000Z', event: 'daemon', level: 'info', text: 'ready', socket: '/run/x.sock' },
      { time: '1970-01-01T00:00:00.000Z', event: 'daemon', level: 'warning', text: 'a?[31m b' },
      { time: '1970-01-01T00:00:00.000Z', event: 'daemon', level: 'error', text: 'c', uid: 1000 },
    ],
  );
});

t.test('debug lines come only when they are asked for', async t => {
  const lines: string[] = [];
  const log = openDaemonLog(clock, line => void lines.push(line));
  log.debug('one');
  log.setDebug(true);
  log.debug('two');
  log.setDebug(false);
  log.debug('three');
  t.match(lines, [/two/]);
  t.equal(lines.length, 1);
});

t.test('a log that cannot be written stops nothing', async t => {
  const log = openDaemonLog(clock, () => {
    throw new Error('ENOSPC');
  });
  t.doesNotThrow(() => log.error('x'));
});
