import { userInfo } from 'node:os';
import t from 'tap';
import type { LookUp, UserRecord } from '../../src/host/lookup.ts';
import { currentUser } from '../../src/host/user.ts';

const us = userInfo();

/** A second name for our own uid. */
const twin: UserRecord = { name: 'toor', uid: us.uid, gid: us.gid, home: '/toor', shell: '/bin/toorsh' };

const host: LookUp = name => {
  if (name === 'toor') return Promise.resolve({ kind: 'found', user: twin, groups: [], why: '' });
  if (name === 'other')
    return Promise.resolve({ kind: 'found', user: { ...twin, name, uid: us.uid + 1 }, groups: [], why: '' });
  return Promise.resolve(name === 'hangs' ? { kind: 'unavailable', detail: 'hangs' } : { kind: 'unknown' });
};

t.test('of several names for our uid, the one that logged in is ours', async t => {
  t.equal(await currentUser('toor', host), twin);
});

t.test("a name in the environment that is not our uid's is not believed", async t => {
  for (const name of ['other', 'unheard-of', '', undefined])
    t.match(await currentUser(name, host), { name: us.username, uid: us.uid, home: us.homedir, shell: us.shell ?? '' });
});

t.test('when the directory does not answer, nobody knows who we are', async t => {
  t.equal(await currentUser('hangs', host), undefined);
});
