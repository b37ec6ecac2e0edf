import { EventEmitter, once } from 'node:events';
import t from 'tap';
import { watchForInterruption } from '../../src/login/interruption.ts';

for (const [signal, cause] of [
  ['SIGHUP', 'disconnected'],
  ['SIGINT', 'cancelled'],
  ['SIGQUIT', 'cancelled'],
  ['SIGTERM', 'cancelled'],
] as const)
  t.test(`${signal} ends the login as ${cause}`, async t => {
    const source = new EventEmitter();
    const interruption = watchForInterruption(source, () => false);
    t.equal(interruption.signal.aborted, false);
    source.emit(signal);
    t.equal(interruption.signal.reason, cause);
    interruption.stop();
  });

t.test('without a terminal, a client that has gone is noticed', { timeout: 5000 }, async t => {
  let gone = false;
  const interruption = watchForInterruption(new EventEmitter(), () => gone);
  const aborted = once(interruption.signal, 'abort');
  gone = true;
  await aborted;
  t.equal(interruption.signal.reason, 'disconnected');
  interruption.stop();
});

t.test('once stopped, nothing of it is left and signals do what they did before', async t => {
  const source = new EventEmitter();
  const interruption = watchForInterruption(source, () => false);
  interruption.stop();
  t.strictSame(source.eventNames(), []);
  t.equal(interruption.signal.aborted, false);
  // The interval is gone as well: this file would not end otherwise.
});
