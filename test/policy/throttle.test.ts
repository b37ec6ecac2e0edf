import t from 'tap';
import { afterFailure, afterTakingBack, heldUntil, type ThrottleRecord } from '../../src/policy/throttle.ts';
import { defaultThrottle as limits } from '../helpers/fake-ports.ts';

function failures(count: number, lastAt = 0): ThrottleRecord {
  return { failures: count, lastAt };
}

t.test('the free tries hold nobody off; each one after doubles the hold, up to its bound', async t => {
  t.equal(heldUntil(undefined, 5, limits, 10), 0);
  t.equal(heldUntil(failures(4), 5, limits, 10), 0);
  t.equal(heldUntil(failures(5), 5, limits, 10), 30_000);
  t.equal(heldUntil(failures(6), 5, limits, 10), 60_000);
  t.equal(heldUntil(failures(9), 5, limits, 10), 480_000);
  t.equal(heldUntil(failures(10), 5, limits, 10), 900_000);
  t.equal(heldUntil(failures(1_000_000, 7), 5, limits, 10), 900_007);
});

t.test('failures add up, and are forgotten after twice the longest hold', async t => {
  const three = failures(3, 1000);
  t.same(afterFailure(undefined, 1000, limits), failures(1, 1000));
  t.same(afterFailure(three, 1000 + 1_800_000, limits), failures(4, 1_801_000));
  t.same(afterFailure(three, 1001 + 1_800_000, limits), failures(1, 1_801_001));
});

t.test('a clock that was set back does not make a hold longer', async t => {
  t.equal(heldUntil(failures(5, 365 * 86_400_000), 5, limits, 1000), 31_000);
});

t.test('a failure that was none is taken back, and no other', async t => {
  const before = failures(2, 1000);
  const counted = afterFailure(before, 5000, limits);
  t.same(afterTakingBack(counted, before, counted), before);
  const alsoCounted = afterFailure(counted, 6000, limits);
  t.same(afterTakingBack(alsoCounted, before, counted), failures(3, 6000), 'what was counted since stays');
  t.equal(afterTakingBack(undefined, before, counted), undefined, 'what was forgiven since stays forgiven');
  const first = afterFailure(undefined, 5000, limits);
  t.equal(afterTakingBack(first, undefined, first), undefined);
});

t.test('a clock that was set back does not end end a hold early', async t => {
  const record = afterFailure(failures(9, 5_000_000), 4_000_000, limits);
  t.equal(record.failures, 10);
  t.ok(heldUntil(record, 5, limits, 4_000_001) > 4_000_001);
});
