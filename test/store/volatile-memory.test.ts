import t from 'tap';
import { VolatileMemory } from '../../src/store/volatile-memory.ts';

const now = 1_700_000_000_000;

t.test('it remembers what a login memory must, for as long as it lives', async t => {
  const memory = new VolatileMemory();
  t.equal(memory.throttleOf('account:alice'), undefined);
  memory.setThrottle('account:alice', { failures: 2, lastAt: now });
  t.same(memory.throttleOf('account:alice'), { failures: 2, lastAt: now });
  memory.setThrottle('account:alice', undefined);
  t.equal(memory.throttleOf('account:alice'), undefined);

  t.equal(memory.claimCode('alice', '123456', now, 1_000), true);
  t.equal(memory.claimCode('alice', '123456', now + 999, 1_000), false);
  t.equal(memory.claimCode('alice', '123456', now + 1_000, 1_000), true);
  memory.releaseCode('alice', '123456');
  t.equal(memory.claimCode('alice', '123456', now, 1_000), true);

  const done = memory.beginPush('alice');
  t.equal(memory.beginPush('alice'), undefined);
  done?.();
  const next = memory.beginPush('alice');
  done?.();
  t.equal(memory.beginPush('alice'), undefined, 'the end of the last push does not end the next');
  next?.();

  t.equal(memory.pushHeldUntil('alice'), 0);
  memory.holdPush('alice', now);
  t.equal(memory.pushHeldUntil('alice'), now);
  t.equal(memory.graceUntil('x'), 0);
  memory.grantGrace('x', now);
  t.equal(memory.graceUntil('x'), now);
});

t.test('it does not grow without end, and the oldest go first', async t => {
  const memory = new VolatileMemory();
  for (let i = 0; i < 10_000; i++) memory.setThrottle(`address:${i}`, { failures: 1, lastAt: now });
  memory.setThrottle('address:0', { failures: 2, lastAt: now }); // the youngest by now
  memory.setThrottle('address:new', { failures: 1, lastAt: now });
  t.ok(memory.throttleOf('address:0'));
  t.ok(memory.throttleOf('address:new'));
  t.equal(memory.throttleOf('address:1'), undefined);
});
