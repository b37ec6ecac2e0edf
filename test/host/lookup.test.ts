import t from 'tap';
import { createLookup, type UserLookup } from '../../src/host/lookup.ts';

const alice: UserLookup = {
  kind: 'found',
  user: { name: 'alice', uid: 1000, gid: 1000, home: '/home/alice', shell: '' },
  groups: [],
  why: '',
};

const forever = new Promise<UserLookup>(() => {});

t.test('root is found on every host', async t => {
  const root = await createLookup()('root', true);
  t.match(root, { kind: 'found', user: { name: 'root', uid: 0, gid: 0, home: '/root' }, groups: ['root'], why: '' });
});

t.test('nobody has an impossible name, and the host is not even asked', async t => {
  const lookUp = createLookup(undefined, () => Promise.reject(new Error('asked')));
  for (const name of [
    '',
    'a\0b',
    'root\0',
    'a\nb',
    'a:b',
    '\u0085',
    '\ud800',
    'x'.repeat(256),
    'é'.repeat(128),
    'x'.repeat(1e6),
  ])
    t.same(await lookUp(name, true), { kind: 'unknown' });
});

t.test('a directory that hangs is unavailable after the deadline', async t => {
  const lookUp = createLookup({ deadlineMs: 5, atOnce: 8 }, () => forever);
  t.same(await lookUp('alice', true), { kind: 'unavailable', detail: 'no answer within 5 ms' });
});

t.test('no more than so many hang at once; the others wait, and give up at the deadline', async t => {
  let asked = 0;
  const lookUp = createLookup({ deadlineMs: 5, atOnce: 2 }, () => {
    asked++;
    return forever;
  });
  const all = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(name => lookUp(name, false)));
  t.ok(all.every(({ kind }) => kind === 'unavailable'));
  t.equal(asked, 2);
});

t.test('who waits gets a turn when another is done', async t => {
  const answers: (() => void)[] = [];
  const asked: string[] = [];
  const lookUp = createLookup({ deadlineMs: 60_000, atOnce: 1 }, name => {
    asked.push(name);
    return new Promise(resolve => answers.push(() => resolve(alice)));
  });
  const all = ['a', 'b', 'c'].map(name => lookUp(name, false));
  for (let i = 0; i < all.length; i++) {
    t.equal(asked.length, i + 1);
    answers[i]?.();
    t.equal(await all[i], alice);
    await new Promise(setImmediate);
  }
  t.same(asked, ['a', 'b', 'c']);
});

t.test('one that came back late frees its place', async t => {
  let answer = (): void => {};
  const lookUp = createLookup({ deadlineMs: 5, atOnce: 1 }, name =>
    name === 'slow' ? new Promise(resolve => (answer = () => resolve(alice))) : Promise.resolve(alice),
  );
  t.match(await lookUp('slow', false), { kind: 'unavailable' });
  t.match(await lookUp('quick', false), { kind: 'unavailable' });
  answer();
  await new Promise(setImmediate);
  t.equal(await lookUp('quick', false), alice);
});
