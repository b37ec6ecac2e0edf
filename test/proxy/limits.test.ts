import t from 'tap';
import { Limits } from '../../src/proxy/relay/limits.ts';
import { until } from '../helpers/e2e/until.ts';

t.test('idle is counted from the last byte', async t => {
  let now = 0;
  let looks = 0;
  let ended: string | undefined;
  const clock = (): number => {
    looks++;
    return now;
  };
  const limits = new Limits({ idleMs: 20, sessionMs: 0 }, clock, why => {
    ended = why;
  });
  now = 19;
  limits.moved();
  now = 38;
  looks = 0;
  await until('two looks', () => looks >= 2);
  t.equal(ended, undefined, 'one millisecond is left');
  now = 39;
  await until('the end', () => ended);
  t.match(ended, /^Nothing has happened for 0\.02 seconds/);
  limits.stop();
});

t.test('no limit, and one that was stopped', async t => {
  const ends: string[] = [];
  const never = new Limits(
    { idleMs: 0, sessionMs: 0 },
    () => 0,
    why => ends.push(why),
  );
  const stopped = new Limits(
    { idleMs: 1, sessionMs: 1 },
    () => 0,
    why => ends.push(why),
  );
  const lived = new Limits(
    { idleMs: 0, sessionMs: 3_600_000 },
    () => 0,
    why => ends.push(why),
  );
  stopped.stop();
  const last = new Limits(
    { idleMs: 0, sessionMs: 10 },
    () => 0,
    why => ends.push(why),
  );
  await until('the last', () => ends.length > 0);
  for (const limits of [never, lived, last]) limits.stop();
  t.strictSame(ends, ['The session has lasted as long as it may: 0.01 seconds.']);
});

t.test('a month, as the server takes it, is longer than a timer of Node can wait', async t => {
  const ends: string[] = [];
  const month = 2_678_400_000;
  const end = (why: string): void => void ends.push(why);
  const long = new Limits({ idleMs: month, sessionMs: month }, () => 0, end);
  const last = new Limits({ idleMs: 0, sessionMs: 10 }, () => 0, end);
  await until('the last', () => ends.length > 0);
  for (const limits of [long, last]) limits.stop();
  t.strictSame(ends, ['The session has lasted as long as it may: 0.01 seconds.']);
});
