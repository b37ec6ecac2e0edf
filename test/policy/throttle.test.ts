import t from 'tap';
import { afterInvalid, heldUntil, type ThrottleRecord } from '../../src/policy/throttle.ts';
import { defaultThrottle as limits } from '../helpers/fake-ports.ts';

function failures(count: number, lastAt = 0): ThrottleRecord {
  return { failures: count, lastAt };
}

t.test('the free tries hold nobody off; each one after doubles the hold, up to its bound', async t => {
  t.equal(heldUntil(undefined, 5, limits), 0);
  t.equal(heldUntil(failures(4), 5, limits), 0);
  t.equal(heldUntil(failures(5), 5, limits), 30_000);
  t.equal(heldUntil(failures(6), 5, limits), 60_000);
  t.equal(heldUntil(failures(9), 5, limits), 480_000);
  t.equal(heldUntil(failures(10), 5, limits), 900_000);
  t.equal(heldUntil(failures(1_000_000, 7), 5, limits), 900_007);
});

t.test('failures add up, and are forgotten after twice the longest hold', async t => {
  const three = failures(3, 1000);
  t.same(afterInvalid(undefined, 1000, limits), failures(1, 1000));
  t.same(afterInvalid(three, 1000 + 1_800_000, limits), failures(4, 1_801_000));
  t.same(afterInvalid(three, 1001 + 1_800_000, limits), failures(1, 1_801_001));
});

t.test('a clock that was set back does not end a hold early', async t => {
  const record = afterInvalid(failures(9, 5_000_000), 4_000_000, limits);
  t.equal(record.failures, 10);
  t.ok(heldUntil(record, 5, limits) > 4_000_000);
});
