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
  const lookUp = createLookup({ deadlineMs: 5, atOnce: 8, atOnceForOne: 2 }, () => forever);
  t.same(await lookUp('alice', true), { kind: 'unavailable', detail: 'no answer within 5 ms' });
});

t.test('no more than so many hang at once; the others wait, and give up at the deadline', async t => {
  let asked = 0;
  const lookUp = createLookup({ deadlineMs: 5, atOnce: 2, atOnceForOne: 2 }, () => {
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
  const lookUp = createLookup({ deadlineMs: 60_000, atOnce: 1, atOnceForOne: 2 }, name => {
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
  const lookUp = createLookup({ deadlineMs: 5, atOnce: 1, atOnceForOne: 2 }, name =>
    name === 'slow' ? new Promise(resolve => (answer = () => resolve(alice))) : Promise.resolve(alice),
  );
  t.match(await lookUp('slow', false), { kind: 'unavailable' });
  t.match(await lookUp('quick', false), { kind: 'unavailable' });
  answer();
  await new Promise(setImmediate);
  t.equal(await lookUp('quick', false), alice);
});

t.test('one asker has two look-ups under way at most, and the others are not kept from asking', async t => {
  const asked: string[] = [];
  const answers = new Map<string, () => void>();
  const lookUp = createLookup({ deadlineMs: 60_000, atOnce: 4, atOnceForOne: 2 }, name => {
    asked.push(name);
    return new Promise(resolve => answers.set(name, () => resolve(alice)));
  });
  const gone = new AbortController();
  const one = { uid: 1001, gone: gone.signal };
  const all = ['a', 'b', 'c', 'd'].map(name => lookUp(name, false, one));
  t.same(asked, ['a', 'b']);
  const others = [lookUp('x', false, { ...one, uid: 1002 }), lookUp('y', false), lookUp('z', false)];
  t.same(asked, ['a', 'b', 'x', 'y']);
  answers.get('x')?.();
  t.equal(await others[0], alice);
  await new Promise(setImmediate);
  t.same(asked, ['a', 'b', 'x', 'y', 'z'], 'who waits behind others of the same uid is passed');
  answers.get('a')?.();
  t.equal(await all[0], alice);
  await new Promise(setImmediate);
  t.equal(asked.at(-1), 'c');
  gone.abort();
  t.match(await all[3], { kind: 'unavailable' }, 'who is gone is not looked up');
  for (const answer of answers.values()) answer();
  await new Promise(setImmediate);
  t.notOk(asked.includes('d'));
});

t.test('look-ups that hang keep the places of the one who asked, and of nobody else', async t => {
  const lookUp = createLookup({ deadlineMs: 5, atOnce: 8, atOnceForOne: 2 }, name =>
    name === 'slow' ? forever : Promise.resolve(alice),
  );
  const gone = new AbortController().signal;
  for (let i = 0; i < 5; i++)
    await Promise.all([lookUp('slow', true, { uid: 1001, gone }), lookUp('slow', true, { uid: 1001, gone })]);
  t.match(await lookUp('alice', true, { uid: 1001, gone }), { kind: 'unavailable' });
  t.equal(await lookUp('alice', true, { uid: 1002, gone }), alice);
  t.equal(await lookUp('alice', true), alice);
});
