import t from 'tap';
import { Turnstile } from '../../src/server/turnstile.ts';

/** Work that ends when it is told to. */
function held() {
  const { promise, resolve } = Promise.withResolvers<void>();
  let isRunning = false;
  const work = async (): Promise<string> => {
    isRunning = true;
    await promise;
    return 'done';
  };
  return { work, finish: resolve, running: () => isRunning };
}

t.test('so much work runs at once, the rest in turn', async t => {
  const turnstile = new Turnstile(2, 10);
  const works = [held(), held(), held()];
  const results = works.map(({ work }, index) => turnstile.pass(`${index}`, work));
  t.same(
    works.map(({ running }) => running()),
    [true, true, false],
  );
  works[0]?.finish();
  t.equal(await results[0], 'done');
  t.ok(works[2]?.running());
  works[1]?.finish();
  works[2]?.finish();
  t.same(await Promise.all(results), ['done', 'done', 'done']);
});

t.test('work of one key runs one at a time', async t => {
  const turnstile = new Turnstile(2, 10);
  const [first, second, other] = [held(), held(), held()];
  const results = [turnstile.pass('a', first.work), turnstile.pass('a', second.work), turnstile.pass('b', other.work)];
  t.same([first.running(), second.running(), other.running()], [true, false, true]);
  for (const { finish } of [first, second, other]) finish();
  t.same(await Promise.all(results), ['done', 'done', 'done']);
});

t.test('when too many wait, the next is turned away at once', async t => {
  const turnstile = new Turnstile(1, 1);
  const [first, second] = [held(), held()];
  const results = [turnstile.pass('a', first.work), turnstile.pass('b', second.work)];
  t.equal(await turnstile.pass('c', async () => 'never'), undefined);
  first.finish();
  second.finish();
  t.same(await Promise.all(results), ['done', 'done']);
  t.equal(await turnstile.pass('c', async () => 'later'), 'later');
});

t.test('work that fails makes room, too', async t => {
  const turnstile = new Turnstile(1, 1);
  await t.rejects(turnstile.pass('a', async () => await Promise.reject(new Error('no'))));
  t.equal(await turnstile.pass('a', async () => 'next'), 'next');
});
