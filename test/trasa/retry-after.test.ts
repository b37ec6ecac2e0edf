import t from 'tap';
import { retryAfterMs } from '../../src/trasa/retry-after.ts';

const now = Date.UTC(2026, 0, 1);

t.test('seconds and dates are obeyed', async t => {
  t.equal(retryAfterMs('3', now), 3_000);
  t.equal(retryAfterMs(' 120 ', now), 120_000);
  t.equal(retryAfterMs('Thu, 01 Jan 2026 00:00:05 GMT', now), 5_000);
});

t.test('a wait is never so short that retries become a tight loop', async t => {
  for (const header of ['0', 'Wed, 31 Dec 2025 23:59:00 GMT', 'Thu, 01 Jan 1970 00:00:00 GMT'])
    t.equal(retryAfterMs(header, now), 100, header);
});

t.test('without a header that can be read the wait is a second', async t => {
  for (const header of [undefined, '', '-5', '1.5', '1e3', 'soon', '2026-01-01', 'Thu, 99 Foo 2026 00:00:05 GMT'])
    t.equal(retryAfterMs(header, now), 1_000, String(header));
});

t.test('an absurd value is an absurd wait', async t => {
  t.equal(retryAfterMs('9'.repeat(400), now), Number.POSITIVE_INFINITY);
  t.ok(retryAfterMs('Fri, 31 Dec 9999 23:59:59 GMT', now) > 1e14);
});
