import t from 'tap';
import { LineLimit } from '../../src/daemon/line-limit.ts';
import { until } from './running-daemon.ts';

t.test('so many lines a second for each uid; the others are counted, and the count is said', async t => {
  const sums: [number, number][] = [];
  const limit = new LineLimit(2, (uid, left) => sums.push([uid, left]));
  t.same(
    Array.from({ length: 5 }, () => limit.admits(1001)),
    [true, true, false, false, false],
  );
  t.equal(limit.admits(1002), true);
  await until(() => sums.length > 0);
  t.same(sums, [[1001, 3]], 'nothing is said of who kept within it');
  t.equal(limit.admits(1001), true, 'a new second');
  limit.close();
  t.equal(sums.length, 1);
});

t.test('root has no limit', async t => {
  const limit = new LineLimit(1, () => t.fail('nothing is left out'));
  for (let i = 0; i < 100; i++) t.ok(limit.admits(0));
  limit.close();
});

t.test('the counts are said at the end', async t => {
  const sums: [number, number][] = [];
  const limit = new LineLimit(1, (uid, left) => sums.push([uid, left]));
  for (const uid of [1, 1, 2, 3, 3, 3]) limit.admits(uid);
  limit.close();
  t.same(sums, [
    [1, 1],
    [3, 2],
  ]);
});
