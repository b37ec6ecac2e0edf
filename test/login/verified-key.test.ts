import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readVerifiedKey } from '../../src/login/verified-key.ts';

t.test('the file is read if it is a small regular file, and left alone if not', async t => {
  const dir = t.testdir();
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'somebody', '-f', join(dir, 'key')]);
  const printed = execFileSync('ssh-keygen', ['-l', '-f', join(dir, 'key')], { encoding: 'utf8' });
  const good = join(dir, 'good');
  writeFileSync(good, `publickey ${readFileSync(join(dir, 'key.pub'), 'utf8')}`);
  t.equal(readVerifiedKey(good), printed.split(' ')[1]);

  symlinkSync(good, join(dir, 'link'));
  mkdirSync(join(dir, 'directory'));
  execFileSync('mkfifo', [join(dir, 'fifo')]);
  writeFileSync(join(dir, 'large'), readFileSync(good));
  truncateSync(join(dir, 'large'), 2 ** 30);
  for (const name of ['link', 'directory', 'fifo', 'large', 'missing'])
    t.equal(readVerifiedKey(join(dir, name)), undefined, name);
  t.equal(readVerifiedKey(undefined), undefined);
});
