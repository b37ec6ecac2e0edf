import t from 'tap';
import { createDirectory } from '../../src/host/directory.ts';
import type { UserLookup } from '../../src/host/lookup.ts';

const user = { name: 'alice', uid: 1000, gid: 1000, home: '/home/alice', shell: '/bin/bash' };

async function account(answer: UserLookup): Promise<unknown> {
  return await createDirectory((name, groups) => {
    t.same([name, groups], ['alice', true]);
    return Promise.resolve(answer);
  }).account('alice');
}

t.test('an account comes with its groups', async t => {
  t.same(await account({ kind: 'found', user, groups: ['alice', 'sudo'], why: '' }), {
    kind: 'found',
    name: 'alice',
    uid: 1000,
    groups: { kind: 'found', names: ['alice', 'sudo'] },
  });
});

t.test('groups that are not complete are unavailable', async t => {
  t.same(await account({ kind: 'found', user, groups: ['alice'], why: 'group 7: has no name' }), {
    kind: 'found',
    name: 'alice',
    uid: 1000,
    groups: { kind: 'unavailable', detail: 'group 7: has no name' },
  });
});

t.test('an unknown account and a failed look-up are told apart', async t => {
  t.same(await account({ kind: 'unknown' }), { kind: 'unknown' });
  t.same(await account({ kind: 'unavailable', detail: 'why' }), { kind: 'unavailable', detail: 'why' });
});

t.test('who asks is told to the look-up, which gives each a share', async t => {
  const asker = { uid: 1000, gone: new AbortController().signal };
  const directory = createDirectory((_name, _groups, found) => {
    t.equal(found, asker);
    return Promise.resolve({ kind: 'unknown' });
  });
  t.same(await directory.account('alice', asker), { kind: 'unknown' });
});
