import t from 'tap';
import { DiskSpace } from '../../src/host/disk-space.ts';

const gigabyte = 1024 ** 3;

function disk(size: number, free: number) {
  const asked: string[] = [];
  const space = new DiskSpace(async path => {
    asked.push(path);
    return { bsize: 4096, blocks: size / 4096, bavail: free / 4096 };
  });
  return { space, asked };
}

t.test('256 MiB are left to others, and 5 % of a small disk', async t => {
  await t.resolves(disk(1000 * gigabyte, gigabyte / 4).space.check('/x'));
  await t.rejects(disk(1000 * gigabyte, gigabyte / 4 - 4096).space.check('/x'), /\/x: the disk is too full/);
  await t.resolves(disk(gigabyte, gigabyte / 16).space.check('/x'));
  await t.rejects(disk(gigabyte, gigabyte / 32).space.check('/x'), /too full/);
});

t.test('the system is asked every 4 MiB of all recordings together', async t => {
  const { space, asked } = disk(1000 * gigabyte, gigabyte);
  await space.take('/a', 1);
  t.same(asked, ['/a'], 'and before the first byte');
  for (let i = 0; i < 4; i++) await space.take('/b', 1024 ** 2);
  t.same(asked, ['/a']);
  await space.take('/c', 1);
  t.same(asked, ['/a', '/c']);
});

t.test('a disk that cannot be asked is too full', async t => {
  const space = new DiskSpace(() => Promise.reject(new Error('EIO')));
  await t.rejects(space.take('/a', 1), /EIO/);
});

t.test('the real one answers', async t => {
  const { bsize, blocks } = await import('node:fs').then(fs => fs.statfsSync('/'));
  t.ok(bsize > 0 && blocks >= 0);
  await t.resolves(new DiskSpace().check('/proc'), 'a file system without blocks needs none');
});
