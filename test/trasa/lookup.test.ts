import type { LookupFunction } from 'node:net';
import t from 'tap';
import { sharedLookup } from '../../src/trasa/lookup.ts';

t.test('those who ask for a name at the same time share one look-up', async t => {
  const asked: string[] = [];
  const answers: (() => void)[] = [];
  const slow: LookupFunction = (hostname, _options, callback) => {
    asked.push(hostname);
    answers.push(() => callback(null, '192.0.2.1', 4));
  };
  const lookup = sharedLookup(slow);
  const got: unknown[] = [];
  const ask = (name: string) => lookup(name, {}, (_error, address) => got.push([name, address]));

  ask('a');
  ask('a');
  ask('b');
  t.same(asked, ['a', 'b']);
  for (const answer of answers) answer();
  t.same(got, [
    ['a', '192.0.2.1'],
    ['a', '192.0.2.1'],
    ['b', '192.0.2.1'],
  ]);
  ask('a');
  t.same(asked, ['a', 'b', 'a'], 'an answer is not kept');
});

t.test('different questions about a name are different look-ups', async t => {
  let asked = 0;
  const lookup = sharedLookup(() => asked++);
  lookup('a', { all: true }, () => {});
  lookup('a', { family: 4 }, () => {});
  t.equal(asked, 2);
});
