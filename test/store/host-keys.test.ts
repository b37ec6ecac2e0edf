import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { HostKeyStore } from '../../src/store/host-keys.ts';

const web = { host: 'web1.example.com', port: 22 };
const [one, other] = [Buffer.from('one'), Buffer.from('other')];

t.test('the first key is pinned, and no other after it, whoever says so', async t => {
  const [store, another] = opened(t, 2);
  t.ok(store.pinFirst(web, one, 'alice', 1));
  t.ok(another.pinFirst(web, one, 'bob', 2), 'the same once more');
  t.notOk(another.pinFirst(web, other, 'bob', 3), 'by another process');
  t.strictSame(store.keysOf(web), [{ state: 'pinned', blob: one, since: 1, by: 'alice' }]);
});

t.test('a key is of a host and a port, however the name is spelt', async t => {
  const [store] = opened(t, 1);
  store.pinFirst(web, one, 'alice', 1);
  t.equal(store.keysOf({ ...web, host: 'WEB1.Example.com' }).length, 1);
  t.strictSame(store.keysOf({ ...web, port: 2222 }), []);
  t.ok(store.pinFirst({ ...web, port: 2222 }, other, 'alice', 1));
  t.equal(store.forget(web), 1);
  t.equal(store.keysOf({ ...web, port: 2222 }).length, 1);
});

t.test('what waits is bounded, and is no pin', async t => {
  const [store] = opened(t, 1);
  for (let i = 0; i < 8; i++) t.ok(store.hold(web, Buffer.from([i]), 'somebody in between', i));
  t.notOk(store.hold(web, other, 'alice', 9));
  t.ok(store.hold(web, Buffer.from([3]), 'alice', 10), 'one that waits already');
  t.ok(store.keysOf(web).every(key => key.state === 'held'));
  store.accept(web, Buffer.from([3]), 'root', 11);
  store.accept(web, Buffer.from([4]), 'root', 12);
  const pinned = store.keysOf(web).filter(key => key.state === 'pinned');
  t.match(pinned, [{ blob: Buffer.from([3]), by: 'root' }, { blob: Buffer.from([4]) }], 'keys of several kinds');
});

t.test('a directory that is open to others is not used', async t => {
  const directory = join(t.testdir(), 'state');
  mkdirSync(directory, { mode: 0o700 });
  chmodSync(directory, 0o755);
  t.throws(() => new HostKeyStore(directory), /host-keys\.db: .*is open to others/);
});

/** Of as many processes. */
function opened(t: Test, count: number): [HostKeyStore, HostKeyStore] {
  const directory = join(t.testdir(), 'state');
  const stores = Array.from({ length: count }, () => new HostKeyStore(directory));
  t.teardown(() => {
    for (const store of stores) store.close();
  });
  return stores as [HostKeyStore, HostKeyStore];
}
