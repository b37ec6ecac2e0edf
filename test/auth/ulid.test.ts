import t from 'tap';
import { newUlid, timeOfUlid } from '../../src/auth/ulid.ts';

const random = { below: () => 0 };

t.test('the time comes first, so that ids sort by it', async t => {
  // The example of the ULID specification: 01ARZ3NDEK is 1469922850259.
  t.equal(newUlid({ now: () => 1_469_922_850_259 }, random), '01ARZ3NDEK0000000000000000');
  t.equal(newUlid({ now: () => 2 ** 48 - 1 }, random), '7ZZZZZZZZZ0000000000000000');
});

t.test('and is read again', async t => {
  t.equal(timeOfUlid('01ARZ3NDEKTSV4RRFFQ69G5FAV'), 1_469_922_850_259);
  t.equal(timeOfUlid('7ZZZZZZZZZ0000000000000000'), 2 ** 48 - 1);
});

t.test('two ids of one moment differ by chance', async t => {
  let n = 0;
  const counting = { below: (bound: number) => n++ % bound };
  const clock = { now: () => 0 };
  t.equal(newUlid(clock, counting), '00000000000123456789ABCDEF');
  t.equal(newUlid(clock, counting), '0000000000GHJKMNPQRSTVWXYZ');
});
